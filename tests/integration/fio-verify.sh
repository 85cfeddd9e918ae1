#!/usr/bin/env bash
# Mixed writes of 512 B to 1 MiB at depth 32 with CRC32C verification: no error.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires fio
start_target
add_target 1 "$TARGET_NAME" 256M
start_iscsid
log_in
seconds=${FIO_SECONDS:-60}
fio --name=verify --filename="${disk[0]}" --direct=1 --ioengine=libaio --iodepth=32 --rw=randrw \
    --bsrange=512-1m --bs_unaligned=0 --verify=crc32c --verify_state_save=0 --verify_fatal=1 --verify_backlog=1024 \
    --time_based --runtime="$seconds" --randrepeat=0 --output="$WORK/fio" ||
    fail "fio: $(cat "$WORK/fio")"
grep -E 'READ:|WRITE:' "$WORK/fio"
grep -q 'err= 0' "$WORK/fio" || fail "fio reports errors: $(cat "$WORK/fio")"
log_out
