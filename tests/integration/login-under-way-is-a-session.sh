#!/usr/bin/env bash
# A login that is under way is there for everybody: it is listed, blocks the deletion of its record, is
# joined by a second login, ended by a logout, and cancelled when nobody waits for it any more.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
start_test_target
start_iscsid
discover

# A target that takes connections and says nothing; the first answer is what it is asked for later.
silence_target() { kill -STOP "$test_target_pid"; }
wake_target() { kill -CONT "$test_target_pid"; }
login_is_listed() { iscsiadm -m session | grep -qF "$TARGET_NAME"; }
nothing_is_listed() { ! iscsiadm -m session; }
disk_is_there() { [ "$(disks | wc -l)" -eq 1 ]; }

# start_login OUTPUT [OPTION…]: in the background, $caller.
start_login() {
    local to=$1
    shift
    iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL" -l "$@" >"$WORK/$to" 2>&1 &
    caller=$!
    wait_until 10 login_is_listed || fail "the login is not listed"
}

# ended_with STATUS: how $caller ends.
ended_with() {
    local status=0
    wait "$caller" || status=$?
    [ $status -eq "$1" ] || fail "the login ended with $status, expected $1"
}

# ---- seen, and ended by a logout
for logout in "node -u" "node -T $TARGET_NAME -u" "node -U all" "session -u" "session -r SID -u"; do
    silence_target
    start_login first
    expect_exit 0 iscsiadm -m session -P 1
    expect_out "iSCSI Connection State: IN LOGIN"
    expect_out "Current Portal: $PORTAL,"
    expect_exit 0 iscsiadm -m session --json
    expect_out '"login_pending":true'
    expect_exit 15 iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL" -o delete
    expect_err "but a session is using it."
    sid=$(iscsiadm -m session | sed 's/.*\[\([0-9]*\)\].*/\1/')
    # shellcheck disable=SC2086 # words
    expect_exit 0 iscsiadm -m ${logout/SID/$sid}
    expect_out "successful."
    ended_with 5
    expect_exit 21 iscsiadm -m session
    wake_target
    wait_until 10 iscsiadm -m discovery -t st -p "$PORTAL" || fail "the target does not wake"
    expect_exit 21 iscsiadm -m session
done

# ---- cancelled by its caller, whatever ends it
for signal in INT TERM KILL; do
    silence_target
    start_login first
    kill -$signal "$caller"
    wait "$caller" 2>/dev/null
    wait_until 10 nothing_is_listed || fail "the login goes on without its caller"
    wake_target
done
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL" -o delete
discover
[ -z "$(disks)" ] || fail "a login that was given up has attached a disk"

# ---- joined: it goes on for those who still wait, and they hear how it ends
silence_target
start_login first
given_up=$caller
start_login second
second=$caller
start_login third
for name in second third; do
    wait_until 10 grep -qF "Logging in to" "$WORK/$name" || fail "the $name login does not join"
done
kill -9 "$given_up"
wait "$given_up" 2>/dev/null
[ "$(iscsiadm -m session | wc -l)" -eq 1 ] || fail "one session expected"
wake_target
ended_with 0
caller=$second
ended_with 0
disk_is_there || fail "no disk"
expect_exit 15 iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL" -l
log_out

# ---- a caller that does not wait is not needed
silence_target
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL" -l --no_wait
login_is_listed || fail "the login is not listed"
start_login first
kill -9 "$caller"
wait "$caller" 2>/dev/null
wake_target
wait_until 20 disk_is_there || fail "the login that was not waited for did not happen"
log_out
stop_test_target
