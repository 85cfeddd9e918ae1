#!/usr/bin/env bash
# Two records of one portal, with and without its group tag: one session, the other is told that it
# exists (two would have the same ISID and end each other). The session shows the target's tag.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
start_target
add_target 1 "$TARGET_NAME" 16M
start_iscsid
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL" -o new
expect_out ",-1 $TARGET_NAME] added"
discover
expect_exit 15 iscsiadm -m node -T "$TARGET_NAME" -l
[ "$(grep -c successful "$WORK/out")" -eq 1 ] || fail "one login should succeed: $(cat "$WORK/out")"
expect_err "initiator reported error (15 - session exists)"
expect_exit 0 iscsiadm -m session
[ "$(wc -l <"$WORK/out")" -eq 1 ] || fail "one session expected: $(cat "$WORK/out")"
expect_out "$PORTAL,1 $TARGET_NAME"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL,1" -u

# An interface whose file is damaged: nothing is discovered, or its records would be removed.
mkdir -p "$ISCSI_DATABASE_DIR/ifaces"
printf '# BEGIN RECORD 2.1.8\niface.iscsi_ifacename = eth1\n' >"$ISCSI_DATABASE_DIR/ifaces/eth1"
expect_exit 6 iscsiadm -m discovery -t st -p "$PORTAL"
expect_err "ifaces/eth1"
expect_exit 0 iscsiadm -m node
[ "$(wc -l <"$WORK/out")" -eq 2 ] || fail "two records expected: $(cat "$WORK/out")"
