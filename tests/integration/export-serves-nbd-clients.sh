#!/usr/bin/env bash
# Disks as NBD exports: tools and virtual machines use each LUN through a socket, several at a time.
. "$(dirname "$0")/../support/functions.sh"
requires_root
requires qemu-img qemu-io nbdinfo nbdcopy fio
start_target
add_target 1 "$TARGET_NAME" 64M 32M
tgtadm --lld iscsi --op new --mode logicalunit --tid 1 --lun 3 -b "$WORK/lun-1-2" --blocksize 4096 || fail "4096-byte LUN"
cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/"
echo "iscsid.disk.driver = export" >>"$ISCSI_CONFIG_DIR/iscsid.conf"
start_iscsid
log_in

sockets=$ISCSID_RUNTIME_DIR/nbd
socket() { echo "$sockets/$TARGET_NAME-lun-$1.sock"; }
uri() { echo "nbd+unix:///?socket=$(socket "$1")"; }
for lun in 1 2 3; do
    [ -S "$(socket $lun)" ] || fail "LUN $lun is not exported: $(ls -l "$sockets")"
    [ "$(stat -c %a "$(socket $lun)")" = 600 ] || fail "mode of the socket of LUN $lun"
done
[ "$(stat -c %a "$sockets")" = 700 ] || fail "mode of $sockets"

# What clients are told.
expect_exit 0 qemu-img info "$(uri 1)"
expect_out "64 MiB (67108864 bytes)"
expect_exit 0 nbdinfo "$(uri 1)"
for words in "export-size: 67108864" "can_flush: true" "can_multi_conn: true" "can_zero: true" \
    "is_read_only: false" "block_size_minimum: 512"; do
    expect_out "$words"
done
expect_exit 0 nbdinfo "$(uri 3)"
expect_out "block_size_minimum: 4096"
expect_exit 0 nbdinfo --list "$(uri 2)"
expect_out "$TARGET_NAME-lun-2"

# In and out, and what the target has.
dd if=/dev/urandom of="$WORK/data" bs=1M count=64 status=none
expect_exit 0 nbdcopy --flush "$WORK/data" "$(uri 1)"
cmp "$WORK/data" "$WORK/lun-1-1" || fail "the target's file holds something else"
expect_exit 0 nbdcopy "$(uri 1)" "$WORK/back"
cmp "$WORK/data" "$WORK/back" || fail "nbdcopy read something else"
expect_exit 0 qemu-img convert -O raw "$(uri 1)" "$WORK/image"
cmp "$WORK/data" "$WORK/image" || fail "qemu-img read something else"
expect_exit 0 qemu-img convert -n -W -O raw "$WORK/image" "$(uri 1)"
cmp "$WORK/data" "$WORK/lun-1-1" || fail "qemu-img wrote something else"

# Two clients on one LUN and one on another at a time.
verify() {
    fio --name=verify --ioengine=nbd --uri="$1" --iodepth=16 --rw=randwrite --bsrange=4k-256k \
        --size=24m --offset="$2" --verify=crc32c --verify_state_save=0 --verify_fatal=1 \
        --output="$WORK/fio-$3" || { cat "$WORK/fio-$3"; return 1; }
}
verify "$(uri 1)" 0 first & first=$!
verify "$(uri 1)" 32m second & second=$!
verify "$(uri 2)" 0 third || fail "third client"
wait $first || fail "first client"
wait $second || fail "second client"

# A client keeps its disk: it writes on after a logout that was refused.
mkfifo "$WORK/words"
qemu-io -f raw "$(uri 1)" <"$WORK/words" >"$WORK/qemu-io" 2>&1 &
client=$!
exec 9>"$WORK/words"
echo "read 0 512" >&9
wait_until 20 grep -q "read 512/512" "$WORK/qemu-io" || fail "qemu-io: $(cat "$WORK/qemu-io")"
expect_exit 28 iscsiadm -m node -u
expect_err "initiator reported error (28 - device or resource in use)"
[ -S "$(socket 1)" ] && [ -S "$(socket 2)" ] || fail "a refused logout took a socket away"
expect_exit 0 nbdinfo --size "$(uri 2)"
printf 'write -P 90 0 1M\nread -P 90 0 1M\nflush\nquit\n' >&9
exec 9>&-
wait $client || fail "qemu-io: $(cat "$WORK/qemu-io")"
! grep -qiE "fail|error" "$WORK/qemu-io" || fail "qemu-io: $(cat "$WORK/qemu-io")"
cmp -n 1048576 <(head -c 1M /dev/zero | tr '\0' 'Z') "$WORK/lun-1-1" || fail "what qemu-io wrote is not there"

log_out
[ -z "$(ls -A "$sockets")" ] || fail "left behind: $(ls -A "$sockets")"

# A second login, and an end of the daemon while clients are connected: what was answered is there, what
# comes then is refused, they are disconnected, and nothing waits for them.
log_in
rm "$WORK/qemu-io" # of the first one
qemu-io -f raw "$(uri 1)" <"$WORK/words" >"$WORK/qemu-io" 2>&1 &
client=$!
exec 9>"$WORK/words"
echo "write -P 91 1M 1M" >&9
wait_until 20 grep -q "wrote 1048576/1048576" "$WORK/qemu-io" || fail "qemu-io: $(cat "$WORK/qemu-io")"
fio --name=writer --ioengine=nbd --uri="$(uri 2)" --iodepth=16 --rw=randwrite --bs=4k --size=16m --time_based \
    --runtime=60 --output="$WORK/fio-writer" >/dev/null 2>&1 &
writer=$!
wait_until 20 eval '[ -n "$(tr -d "\0" <"$WORK/lun-1-2" | head -c 1)" ]' || fail "fio does not write"
begun=$SECONDS
stop_iscsid || fail "iscsid ended with $?"
[ $((SECONDS - begun)) -le 10 ] || fail "the end took $((SECONDS - begun)) s"
wait_until 10 eval "! kill -0 $writer" || fail "a client still writes"
! wait $writer || fail "a client does not hear that it was disconnected"
printf 'read 0 512\nquit\n' >&9
exec 9>&-
wait $client
grep -qiE "fail|error" "$WORK/qemu-io" || fail "qemu-io reads on: $(cat "$WORK/qemu-io")"
cmp -n 1048576 <(head -c 1M /dev/zero | tr '\0' '[') <(tail -c +1048577 "$WORK/lun-1-1") || fail "what qemu-io wrote is not there"
! grep 'may be lost' "$WORK/iscsid.log" || fail "something was lost"
[ -z "$(ls -A "$sockets")" ] || fail "left behind by the end: $(ls -A "$sockets")"

# A group of the administrator's may connect, also after another login, and nobody else.
has_mode() { [ "$(stat -c '%a %G' "$1")" = "$2" ] || fail "$1 is $(stat -c '%a %G' "$1"), expected $2"; }
connects_as() { setpriv --reuid nobody --clear-groups --regid "$1" nbdinfo --size "$(uri 1)" >/dev/null 2>&1; }
printf 'iscsid.export_group = games\n' >>"$ISCSI_CONFIG_DIR/iscsid.conf"
chmod 711 "$WORK" # the way there is the administrator's
start_iscsid
for _ in 1 2; do
    log_in
    has_mode "$sockets" "710 games"
    has_mode "$(socket 1)" "660 games"
    connects_as games || fail "a member of the group cannot connect"
    ! connects_as nogroup || fail "somebody else can connect"
    log_out
done
stop_iscsid || fail "iscsid ended with $?"

# The daemon as another user, who has neither root's groups nor its privileges, and its records.
rm -r "$sockets" # as root made it
chown -R nobody:games "$ISCSI_DATABASE_DIR"
start_iscsid -u "$(id -u nobody)" -g "$(getent group games | cut -d: -f3)"
status_of() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$iscsid_pid/status" | tr '\t' ' ' | sed 's/ *$//'; }
[ "$(status_of Uid)" = "$(id -u nobody) $(id -u nobody) $(id -u nobody) $(id -u nobody)" ] || fail "Uid: $(status_of Uid)"
[ -z "$(status_of Groups)" ] || fail "supplementary groups are kept: $(status_of Groups)"
log_in
expect_exit 0 nbdinfo --size "$(uri 1)"
log_out
stop_iscsid || fail "iscsid ended with $?"
