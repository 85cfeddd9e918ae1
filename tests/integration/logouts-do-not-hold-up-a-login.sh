#!/usr/bin/env bash
# Ten logouts from a target that says nothing, each of which flushes a disk: a login elsewhere is not held up.
. "$(dirname "$0")/../support/functions.sh"
requires_root
cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/"
echo "iscsid.disk.driver = export" >>"$ISCSI_CONFIG_DIR/iscsid.conf"
start_iscsid

other=$TARGET_NAME
TARGET_NAME=iqn.2026-11.org.example:silent
start_test_target --size 16
silent_pid=$test_target_pid
silent=("-T" "$TARGET_NAME" "-p" "$PORTAL")
expect_exit 0 iscsiadm -m node -o new -T "$TARGET_NAME" -p "$PORTAL,1"
expect_exit 0 iscsiadm -m node "${silent[@]}" -o update -n node.session.nr_sessions -v 10 \
    -n "node.conn[0].timeo.logout_timeout" -v 40
expect_exit 0 iscsiadm -m node "${silent[@]}" -l
[ "$(iscsiadm -m session | wc -l)" -eq 10 ] || fail "not ten sessions"

TARGET_NAME=$other
start_test_target --size 16
expect_exit 0 iscsiadm -m node -o new -T "$TARGET_NAME" -p "$PORTAL,1"

kill -STOP "$silent_pid"
iscsiadm -m node "${silent[@]}" -u >"$WORK/logouts" 2>&1 &
logouts=$!
at_end "kill $logouts 2>/dev/null"
wait_until 20 eval '[ "$(grep -c "^Logging out" "$WORK/logouts")" -eq 10 ]' || fail "no logouts"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL" -l
! grep -q "unfinished I/O is given up" "$WORK/iscsid.log" || fail "the login has waited for the logouts"
kill -CONT "$silent_pid"
wait "$logouts" || fail "logouts: $(cat "$WORK/logouts")"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL" -u
expect_exit 21 iscsiadm -m session
