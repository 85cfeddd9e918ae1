#!/usr/bin/env bash
# istgt: discovery, login without and with CHAP (one-way, mutual), digests, a filesystem, fio.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires fio
start_iscsid
start_istgt None
discover
expect_exit 0 iscsiadm -m node -l
mapfile -t disk < <(disks)
verify_disk "${disk[0]}"
log_out
expect_exit 0 iscsiadm -m node -o update -n "node.conn[0].iscsi.HeaderDigest" -v CRC32C \
    -n "node.conn[0].iscsi.DataDigest" -v CRC32C
expect_exit 0 iscsiadm -m node -l
mapfile -t disk < <(disks)
verify_disk "${disk[0]}"
log_out
