#!/usr/bin/env bash
# A target that the portal does not know: refused by the target, no retry.
. "$(dirname "$0")/../support/functions.sh"
start_target
add_target 1 "$TARGET_NAME" 16M
start_iscsid
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME.nosuch" -p "$PORTAL" -o new
expect_out "New iSCSI node [tcp:[hw=,ip=,net_if=,iscsi_if=default] 127.0.0.1,$PORT,-1 $TARGET_NAME.nosuch] added"
expect_exit 19 iscsiadm -m node -T "$TARGET_NAME.nosuch" -p "$PORTAL" -l
expect_err "iscsiadm: Could not login to [iface: default, target: $TARGET_NAME.nosuch, portal: 127.0.0.1,$PORT]."
expect_err "iscsiadm: initiator reported error (19 - encountered non-retryable iSCSI login failure)"
expect_err "iscsiadm: Could not log into all portals"
expect_exit 21 iscsiadm -m session
