#!/usr/bin/env bash
# The connection is reset, stalled, truncated and corrupted every few seconds under fio verify: no error.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires fio
start_target
add_target 1 "$TARGET_NAME" 64M
require_digests
start_proxy --every 3 --faults reset,stall,truncate,corrupt
start_iscsid
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p "127.0.0.1:$PROXY_PORT,1" -o new
expect_exit 0 iscsiadm -m node -o update -n "node.conn[0].iscsi.HeaderDigest" -v CRC32C \
    -n "node.conn[0].iscsi.DataDigest" -v CRC32C
expect_exit 0 iscsiadm -m node -l
mapfile -t disk < <(disks)
fio --name=verify --filename="${disk[0]}" --direct=1 --ioengine=libaio --iodepth=16 --rw=randrw \
    --bsrange=4k-128k --size=48m --verify=crc32c --verify_state_save=0 --verify_fatal=1 \
    --verify_backlog=256 --time_based --runtime="${CHAOS_SECONDS:-120}" --output="$WORK/fio" ||
    fail "fio: $(cat "$WORK/fio") $(cat "$WORK/proxy.log")"
grep -q 'err= 0' "$WORK/fio" || fail "fio reports errors: $(cat "$WORK/fio")"
sort "$WORK/proxy.log" | uniq -c
[ "$(grep -cE '^(reset|stall|truncate|corrupt)' "$WORK/proxy.log")" -ge 3 ] || fail "no trouble was made"
log_out
