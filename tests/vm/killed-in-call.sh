#!/usr/bin/env bash
# kill -9 of iscsid while a call to its own disk waits for a target that does not answer: the scan for
# partitions of a login, the flush of a logout. No process of it hangs but what waits for the next iscsid,
# which takes the device over or makes another, and logs in. Usage: killed-in-call.sh ublk|nbd
here=$(dirname "$0")
. "$here/../support/functions.sh"
. "$here/lio.sh"
driver=${1:?ublk or nbd}

# The processes of the helper: each makes one call.
calls() { pgrep -P "$(pgrep -P "$iscsid_pid" -f iscsid-disk-helper)"; }
helper_waits() { [ -n "$(calls)" ]; }
is_gone() { ! kill -0 "$1"; }

# kill_with CALL: the daemon and its helper end although CALL is under way.
kill_with() {
    local helper
    wait_until 60 helper_waits || fail "$1 does not wait for the target"
    helper=$(pgrep -P "$iscsid_pid" -f iscsid-disk-helper)
    kill -9 "$iscsid_pid"
    wait "$iscsid_pid" 2>/dev/null
    [ ! -e "/proc/$iscsid_pid" ] || fail "$1: iscsid is still there: $(cat "/proc/$iscsid_pid/status")"
    wait_until 20 is_gone "$helper" || fail "$1: its helper is still there"
    iscsid_pid=''
    echo "killed in $1"
}

nobody_hangs() { ! ps -eo stat,args | grep '^D.*iscsid'; }

# both_are_back SECONDS: one question a second, for a process takes its time here.
both_are_back() {
    local _
    for _ in $(seq "$1"); do
        [ "$(disks | wc -l)" -ne 2 ] || return 0
        sleep 1
    done
    return 1
}

# goes_on_after CALL: the next daemon has both disks, and they work.
goes_on_after() {
    start_iscsid
    # A login that was not over may have left one of two, or none.
    both_are_back 15 || iscsiadm -m node -l >"$WORK/out" 2>&1 || iscsiadm -m node -R >"$WORK/out" 2>&1
    both_are_back 60 || fail "$1: two disks expected: $(disks) $(cat "$WORK/out")"
    mapfile -t disk < <(disks)
    for each in "${disk[@]}"; do
        timeout 60 dd if=/dev/urandom of="$each" bs=64k count=4 oflag=direct conv=fsync status=none ||
            fail "$1: $each does not work"
    done
    echo "after $1: ${disk[*]}"
    wait_until 60 nobody_hangs || fail "$1: a process hangs: $(ps -eo pid,stat,wchan,args | grep ' D')"
}

# One READ of the scan, for one of two units. Of a LUN that does not answer no ublk device is made
# (silent-target.sh), so there is no such call.
scan_fault=(--fault 'scsi-command/0x28 1: hold')
[ "$driver" != ublk ] || scan_fault=()
start_test_target --luns 2 "${scan_fault[@]}"
use_driver "$driver"
start_iscsid
if [ "$driver" = ublk ]; then
    log_in
else
    discover
    iscsiadm -m node -l >/dev/null 2>&1 &
    kill_with 'the scan for partitions'
    goes_on_after 'the scan for partitions'
fi

kill -STOP "$test_target_pid"
iscsiadm -m node -u >/dev/null 2>&1 &
kill_with 'the flush of a logout'
kill -CONT "$test_target_pid"
goes_on_after 'the flush of a logout'
log_out
[ -z "$(ls "$ISCSID_RUNTIME_DIR/state")" ] || fail "state is left: $(ls "$ISCSID_RUNTIME_DIR/state")"
stop_iscsid || fail "iscsid ended with $?"
stop_test_target
