#!/usr/bin/env bash
# Login gives each LUN a block device of the right size and block size; logout takes it away.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
start_target
add_target 1 "$TARGET_NAME" 64M 32M
tgtadm --lld iscsi --op new --mode logicalunit --tid 1 --lun 3 -b "$WORK/lun-1-1" --blocksize 4096 || fail "4096-byte LUN"
start_iscsid
log_in
[ ${#disk[@]} -eq 3 ] || fail "three disks expected: ${disk[*]}"
[ "$(blockdev --getsize64 "${disk[0]}")" -eq $((64 << 20)) ] || fail "size of LUN 1"
[ "$(blockdev --getsize64 "${disk[1]}")" -eq $((32 << 20)) ] || fail "size of LUN 2"
[ "$(blockdev --getss "${disk[0]}")" -eq 512 ] || fail "block size of LUN 1"
[ "$(blockdev --getss "${disk[2]}")" -eq 4096 ] || fail "block size of LUN 3"
for node in "${disk[@]}"; do
    [ "$(cat "/sys/block/${node#/dev/}/loop/dio")" = 1 ] || fail "$node is not in direct I/O mode"
    is_ours "$node" || fail "$node is over $(cat "/sys/block/${node#/dev/}/loop/backing_file")"
done
dd if=/dev/urandom of="$WORK/data" bs=1M count=8 status=none
dd if="$WORK/data" of="${disk[1]}" bs=1M oflag=direct conv=fsync status=none || fail "write"
cmp -n $((8 << 20)) "$WORK/data" "${disk[1]}" || fail "read back"
cmp -n $((8 << 20)) "$WORK/data" "$WORK/lun-1-2" || fail "the target's file holds something else"
log_out
for node in "${disk[@]}"; do
    ! is_ours "$node" || fail "$node is still there"
done
