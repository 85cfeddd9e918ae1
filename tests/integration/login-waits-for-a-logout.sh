#!/usr/bin/env bash
# A logout that is under way is joined by other logouts, shown as what it is, and waited for by a login.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
start_test_target --size 16
start_iscsid
discover
expect_exit 0 iscsiadm -m node -o update -n "node.conn[0].timeo.logout_timeout" -v 4
shows_logout() { iscsiadm -m session -P 1 | grep -q "iSCSI Connection State: IN LOGOUT"; }

# begin NAME ARGUMENTS…: in the background; $waits_for has its process.
waits_for=()
begin() {
    local to=$1
    shift
    iscsiadm "$@" >"$WORK/$to" 2>&1 &
    waits_for+=($!)
}

log_in
before=$(iscsiadm -m session | sed 's/.*\[\([0-9]*\)\].*/\1/')
dd if=/dev/urandom of="$(disks)" bs=4096 count=1 oflag=direct conv=fsync 2>/dev/null || fail "dd"
kill -STOP "$test_target_pid"
begin first -m node -u
wait_until 10 shows_logout || fail "the logout is not shown"
begin second -m node -u
begin third -m session -r "$before" -u
begin login -m node -T "$TARGET_NAME" -p "$PORTAL" -l
wait_until 10 grep -q "Logging in to" "$WORK/login" || fail "the login does not begin"
wait_until 20 eval "! iscsiadm -m session | grep -qF '[$before]'" || fail "the logout does not end"
kill -CONT "$test_target_pid"
for each in "${waits_for[@]}"; do
    wait "$each" || fail "ended with $?: $(cat "$WORK/first" "$WORK/second" "$WORK/third" "$WORK/login")"
done
[ "$(disks | wc -l)" -eq 1 ] || fail "no disk after the login"

# Any number at once.
waits_for=()
for n in 1 2 3 4 5; do
    begin "at_once_$n" -m node -u
done
for each in "${waits_for[@]}"; do
    status=0
    wait "$each" || status=$?
    [[ $status =~ ^(0|2|21)$ ]] || fail "a logout ended with $status" # not 0: it was late
done
expect_exit 21 iscsiadm -m session
stop_test_target
