#!/usr/bin/env bash
# Discovery with -l logs in to everything that it found, also without leaving records.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
start_target
add_target 1 "$TARGET_NAME" 16M
start_iscsid
expect_exit 0 iscsiadm -m discovery -t sendtargets -p "$PORTAL" -l
expect_no_err
expect_out "$PORTAL,1 $TARGET_NAME"
expect_out "Login to [iface: default, target: $TARGET_NAME, portal: 127.0.0.1,$PORT] successful."
log_out
expect_exit 0 iscsiadm -m discoverydb -t st -p "$PORTAL" -o delete
expect_exit 0 iscsiadm -m discovery -t st -p "$PORTAL" -l -o nonpersistent
expect_no_err
expect_out "Login to [iface: default, target: $TARGET_NAME, portal: 127.0.0.1,$PORT] successful."
expect_exit 21 iscsiadm -m node
log_out
