#!/usr/bin/env bash
# Several sessions with several LUNs each: -L all, the session list, -U all.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
start_target
add_target 1 "$TARGET_NAME.a" 16M 16M
add_target 2 "$TARGET_NAME.b" 16M 16M 16M
add_target 3 "$TARGET_NAME.c" 16M
start_iscsid
discover
[ "$(wc -l <"$WORK/out")" -eq 3 ] || fail "three targets expected: $(cat "$WORK/out")"
expect_exit 0 iscsiadm -m node -L all
expect_no_err
[ "$(grep -c ' successful\.$' "$WORK/out")" -eq 3 ] || fail "three logins: $(cat "$WORK/out")"
expect_exit 0 iscsiadm -m session
[ "$(grep -cE "^tcp: \[[0-9]+\] $PORTAL,1 $TARGET_NAME\.[abc] \(non-flash\)\$" "$WORK/out")" -eq 3 ] ||
    fail "session lines: $(cat "$WORK/out")"
[ "$(disks | sort -u | wc -l)" -eq 6 ] || fail "six disks expected: $(disks)"
expect_exit 0 iscsiadm -m node -U all
[ "$(grep -c '^Logout of \[sid: .*\] successful\.$' "$WORK/out")" -eq 3 ] || fail "logouts: $(cat "$WORK/out")"
[ -z "$(leftovers)" ] || fail "left: $(leftovers)"
