#!/usr/bin/env bash
# Logging out ends in time although the target is silent or gone; so does a login that is not answered.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
start_test_target --size 16
start_iscsid
discover
expect_exit 0 iscsiadm -m node -o update -n "node.conn[0].timeo.logout_timeout" -v 3

# goes STATUS WORDS COMMAND…: the session is gone in time, and the command ends with that status and these words on stderr.
goes() {
    local expected=$1 words=$2 status=0
    shift 2
    timeout 20 "$@" >"$WORK/out" 2>"$WORK/err" || status=$?
    [ $status -eq "$expected" ] || fail "$* ended with $status, not $expected: $(cat "$WORK/err")"
    expect_err "$words"
    expect_exit 21 iscsiadm -m session
}

# The target is there and says nothing. Its disk was only read, by whoever looks for partitions: there
# is nothing to lose.
log_in
kill -STOP "$test_target_pid"
goes 0 "no acknowledged write is missing" iscsiadm -m node -u
kill -CONT "$test_target_pid"

# What was written and not flushed may be lost, and only that; what was flushed is not.
log_in
disk=$(disks)
dd if=/dev/urandom of="$disk" bs=4096 count=3 oflag=direct conv=fsync 2>/dev/null || fail "dd"
dd if=/dev/urandom of="$disk" bs=4096 count=1 oflag=direct 2>/dev/null || fail "dd"
kill -STOP "$test_target_pid"
goes 10 "Could not logout" iscsiadm -m node -u
grep -q " 4096 bytes written since the last flush may not be on the medium" "$WORK/iscsid.log" ||
    fail "the log does not say what may be lost"
kill -CONT "$test_target_pid"

# It is gone: the session tries to come back.
log_in
kill -9 "$test_target_pid"
wait_until 20 eval "! iscsiadm -m session -P 1 | grep -q 'iSCSI Session State: LOGGED_IN'" ||
    fail "the loss is not shown"
sid=$(iscsiadm -m session | sed -n 's/^tcp: \[\([0-9]*\)\].*/\1/p')
goes 0 "no acknowledged write is missing" iscsiadm -m session -r "$sid" -u
[ -z "$(disks)" ] || fail "disks are left"

# A login that is never answered ends too.
start_test_target --size 16 --fault 'login-response: silence'
expect_exit 0 iscsiadm -m node -o new -T "$TARGET_NAME" -p "$PORTAL,1"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL" -o update \
    -n "node.conn[0].timeo.login_timeout" -v 2 -n node.session.initial_login_retry_max -v 1
expect_exit 11 timeout 40 iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL" -l
expect_exit 21 iscsiadm -m session
