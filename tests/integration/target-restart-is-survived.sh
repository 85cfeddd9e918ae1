#!/usr/bin/env bash
# The target dies under I/O and returns: writers wait, nothing is lost.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires fio
start_target
add_target 1 "$TARGET_NAME" 64M
start_iscsid
log_in
fio --name=verify --filename="${disk[0]}" --direct=1 --ioengine=libaio --iodepth=16 --rw=randwrite \
    --bs=4k --verify=crc32c --verify_state_save=0 --size=48m --time_based=0 --loops=6 --verify_fatal=1 --output="$WORK/fio" &
fio_pid=$!
for round in 1 2; do
    before=$(cut -d ' ' -f 7 <"/sys/block/${disk[0]#/dev/}/stat" 2>/dev/null || echo 0)
    wait_until 20 eval "[ \$(awk '{ print \$7 }' /sys/block/${disk[0]#/dev/}/stat) -gt $((${before:-0} + 2000)) ]"
    export TARGET_PORT=$PORT
    stop_target
    start_target
    add_target 1 "$TARGET_NAME" 64M || fail "round $round: target"
done
wait "$fio_pid" || fail "fio: $(cat "$WORK/fio")"
grep -q 'err= 0' "$WORK/fio" || fail "fio reports errors: $(cat "$WORK/fio")"
log_out
