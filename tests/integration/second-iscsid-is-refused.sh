#!/usr/bin/env bash
# A second iscsid on the same socket says so and leaves the first one working.
. "$(dirname "$0")/../support/functions.sh"
start_iscsid
status=0
timeout 20 iscsid -f -n >"$WORK/out" 2>"$WORK/err" || status=$?
[ $status -ne 0 ] && [ $status -ne 124 ] || fail "the second iscsid ended with $status"
grep -q "$ISCSID_SOCKET" "$WORK/err" || fail "the message does not name the socket: $(cat "$WORK/err")"
expect_exit 21 iscsiadm -m session
stop_iscsid
start_iscsid
kill -9 "$iscsid_pid"
wait "$iscsid_pid" 2>/dev/null
start_iscsid
expect_exit 21 iscsiadm -m session
