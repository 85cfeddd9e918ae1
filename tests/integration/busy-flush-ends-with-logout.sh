#!/usr/bin/env bash
# A target that answers each SYNCHRONIZE CACHE with BUSY, or with "becoming ready", keeps neither a
# logout nor the end of the daemon longer than logout_timeout; what was not flushed is told.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
start_test_target --size 16
cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/"
sed -i 's/^iscsid.stop_timeout = .*/iscsid.stop_timeout = 8/' "$ISCSI_CONFIG_DIR/iscsid.conf"
start_iscsid
discover
expect_exit 0 iscsiadm -m node -o update -n "node.conn[0].timeo.logout_timeout" -v 3

# write_and_refuse WHAT: one write that is answered, no flush that is.
write_and_refuse() {
    tell_target forget
    log_in
    dd if=/dev/urandom of="$(disks)" bs=4096 count=1 oflag=direct 2>/dev/null || fail "dd"
    tell_target "fault scsi-command/0x35: $1"
}

for answer in 'status 0x08' 'sense 0x020401'; do
    : >"$WORK/iscsid.log"
    write_and_refuse "$answer"
    status=0
    timeout 20 iscsiadm -m node -u >"$WORK/out" 2>"$WORK/err" || status=$?
    [ $status -eq 10 ] || fail "a logout with $answer ended with $status: $(cat "$WORK/err")"
    expect_exit 21 iscsiadm -m session
    [ -z "$(leftovers)" ] || fail "left: $(leftovers)"
    grep -q " 4096 bytes written since the last flush may not be on the medium" "$WORK/iscsid.log" ||
        fail "the log does not say what may be lost"
done

# The end of the daemon, once in time and once when the logout would last longer than it waits.
for limit in 3 120; do
    : >"$WORK/iscsid.log"
    expect_exit 0 iscsiadm -m node -o update -n "node.conn[0].timeo.logout_timeout" -v $limit
    write_and_refuse 'status 0x08'
    kill "$iscsid_pid"
    wait_until 40 eval "! kill -0 $iscsid_pid" || fail "the daemon does not end"
    wait "$iscsid_pid"
    iscsid_pid=''
    ! grep "for the next daemon" "$WORK/iscsid.log" || fail "its disk does not outlive it"
    [ -z "$(leftovers)" ] || fail "left after the end: $(leftovers)"
    grep -q " 4096 bytes written since the last flush may" "$WORK/iscsid.log" || fail "the log does not say what may be lost"
    start_iscsid
done
