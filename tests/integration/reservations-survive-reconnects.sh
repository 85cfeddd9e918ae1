#!/usr/bin/env bash
# What an initiator has registered and reserved stays its own when the connection is lost and when the
# daemon is killed and started anew: a target that goes by initiator name and ISID knows it again. A
# change that is out when the connection ends is told as open and never sent again, and a LUN that
# hangs is nobody else's trouble.
. "$(dirname "$0")/../support/functions.sh"
requires_root
requires qemu-io
start_test_target --luns 2
cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/"
{
    echo "iscsid.disk.driver = export"
    echo "node.session.iscsi.DefaultTime2Wait = 0"
} >>"$ISCSI_CONFIG_DIR/iscsid.conf"
start_iscsid
log_in

reserve() { expect_exit "$1" iscsiadm -m session -r 1 --lun "$2" --persist "${@:3}"; }
is_up() { iscsiadm -m session -P 1 | grep -qF "iSCSI Connection State: LOGGED IN"; }
logins() { grep -c "is operational" "$WORK/iscsid.log"; }
is_in_again() { [ "$(logins)" -gt "$1" ] && is_up; }

# write_is DONE|REFUSED LUN
write_is() {
    local uri="nbd+unix:///?socket=$ISCSID_RUNTIME_DIR/nbd/$TARGET_NAME-lun-$2.sock" how=DONE
    timeout 20 qemu-io -f raw -c "write 0 4k" "$uri" >"$WORK/io" 2>&1 || how=REFUSED
    [ "$how" = "$1" ] || fail "a write is $how, expected $1: $(cat "$WORK/io")"
}

# holder: the name and the ISID of the one that has reserved.
holder() { sed -n 's/^      Initiator: //p' "$WORK/out"; }

drop_connection() {
    local before
    before=$(logins)
    tell_target drop >/dev/null
    wait_until 30 is_in_again "$before" || fail "the session does not come back"
}

reserve 0 0 register --new-key 0xa
reserve 0 0 reserve --key 0xa -t exclusive-access
reserve 0 0 read-full-status
expect_out "Reservation holder, type: exclusive-access"
holder | grep -q "^$INITIATOR_NAME,i,0x[0-9a-f]*$" || fail "not the initiator: $(cat "$WORK/out")"
first=$(holder)
write_is DONE 0

drop_connection
reserve 0 0 read-full-status
[ "$(holder)" = "$first" ] || fail "after a reconnect it is $(holder), before $first"
write_is DONE 0
reserve 0 0 register --key 0xa --new-key 0xc
reserve 28 0 release --key 0xa -t exclusive-access

kill -9 "$iscsid_pid"
wait "$iscsid_pid" 2>/dev/null
iscsid_pid=''
start_iscsid
iscsiadm -m session >/dev/null 2>&1 || expect_exit 0 iscsiadm -m node -l
wait_until 30 is_up || fail "no session after the restart"
reserve 0 0 read-full-status
[ "$(holder)" = "$first" ] || fail "after a restart it is $(holder), before $first"
write_is DONE 0

# Out when the connection ends: nobody knows, and it is not sent again.
tell_target "lun 0 hang on" >/dev/null
iscsiadm -m session -r 1 --lun 0 --persist release --key 0xc -t exclusive-access >"$WORK/open" 2>&1 &
change=$!
has_it() { [ "$(tell_target held)" -gt 0 ]; }
wait_until 20 has_it || fail "the change does not come: $(cat "$WORK/open")"
before=$(tell_target "commands 0x5f")
reserve 0 1 read-keys # of the LUN that does not hang
logins_before=$(logins)
tell_target drop >/dev/null
status=0
wait "$change" || status=$?
tell_target "lun 0 hang off" >/dev/null
wait_until 30 is_in_again "$logins_before" || fail "the session does not come back"
[ "$status" -eq 11 ] || fail "a change that is open ends with $status: $(cat "$WORK/open")"
grep -q "release may have been done or not" "$WORK/open" || fail "words: $(cat "$WORK/open")"
grep -q "whether it was done is not known" "$WORK/open" || fail "words: $(cat "$WORK/open")"
reserve 0 0 read-reservation
expect_out "type: exclusive-access"
[ "$(tell_target "commands 0x5f")" = "$before" ] || fail "the change was sent again"
reserve 0 0 clear --key 0xc
reserve 0 0 read-keys
expect_out "there are NO registered reservation keys"
log_out
stop_test_target
