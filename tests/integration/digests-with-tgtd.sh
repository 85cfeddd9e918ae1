#!/usr/bin/env bash
# Header and data digests with tgtd: negotiated, shown, and the data is right.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires fio
start_target
add_target 1 "$TARGET_NAME" 64M
require_digests
start_iscsid
discover
expect_exit 0 iscsiadm -m node -o update -n "node.conn[0].iscsi.HeaderDigest" -v CRC32C \
    -n "node.conn[0].iscsi.DataDigest" -v CRC32C
expect_exit 0 iscsiadm -m node -l
mapfile -t disk < <(disks)
expect_exit 0 iscsiadm -m session -P 2
expect_out "HeaderDigest: CRC32C"
expect_out "DataDigest: CRC32C"
verify_disk "${disk[0]}"
log_out
