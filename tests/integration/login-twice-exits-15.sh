#!/usr/bin/env bash
# A second login to the same node is refused with 15, on stderr only, and changes nothing.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
start_target
add_target 1 "$TARGET_NAME" 32M
start_iscsid
log_in
expect_exit 15 iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL" -l
[ ! -s "$WORK/out" ] || fail "stdout must be empty: $(cat "$WORK/out")"
expect_err "default: 1 session requested, but 1 already present."
[ "$(iscsiadm -m session | wc -l)" -eq 1 ] || fail "one session expected"
expect_exit 15 iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL" -o delete
expect_err "but a session is using it. Logout session then rerun command to remove record."
log_out
expect_exit 21 iscsiadm -m node -u
expect_err "iscsiadm: No matching sessions found"
expect_exit 21 iscsiadm -m session
expect_err "iscsiadm: No active sessions."
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL" -o delete
expect_exit 21 iscsiadm -m node
expect_err "iscsiadm: No records found"
