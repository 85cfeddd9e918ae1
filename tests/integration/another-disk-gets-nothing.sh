#!/usr/bin/env bash
# The target returns with another disk under the old number, or with the same one in other blocks: not one
# of the waiting writes reaches it, they fail; and the right disk, when it is back, works again.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires fio
start_target
add_target 1 "$TARGET_NAME" 64M
start_iscsid
log_in
node=${disk[0]}
writes() { awk '{ print $7 }' "/sys/block/${node#/dev/}/stat"; }
write_on() {
    fio --name=write --filename="$node" --direct=1 --ioengine=libaio --iodepth=16 --rw=randwrite \
        --bs=4k --size=48m --time_based --runtime=300 --output="$WORK/fio" &
    fio_pid=$!
}
tgt() { tgtadm --lld iscsi "$@" || fail "tgtadm $*"; }

# serve FILE [OPTION…]: the target's LUN 1 is that; nobody is let in yet.
serve() {
    tgt --op new --mode target --tid 1 -T "$TARGET_NAME"
    tgt --op new --mode logicalunit --tid 1 --lun 1 -b "$@"
}
is_written() { [ "$(writes)" -gt 2000 ]; }
write_on
at_end 'kill $fio_pid 2>/dev/null'
wait_until 20 is_written || fail "fio does not write"

export TARGET_PORT=$PORT
stop_target
start_target
truncate -s 64M "$WORK/other"
serve "$WORK/other"
tgt --op update --mode logicalunit --tid 1 --lun 1 --params scsi_id=other,scsi_sn=other
tgt --op bind --mode target --tid 1 -I ALL
wait "$fio_pid" && fail "fio does not notice that its disk is gone: $(cat "$WORK/fio")"
wait_until 20 grep -q 'IS NOT THE DISK THAT IT WAS' "$WORK/iscsid.log" ||
    fail "nothing in the log: $(tail -n 5 "$WORK/iscsid.log")"
dd if=/dev/zero of="$node" bs=4k count=1 oflag=direct 2>/dev/null && fail "it takes writes"
cmp -n $((64 << 20)) "$WORK/other" /dev/zero || fail "the other disk was written to"

stop_target
start_target
add_target 1 "$TARGET_NAME" 64M || fail "the old target does not come back"
wait_until 30 dd if=/dev/zero of="$node" bs=4k count=1 oflag=direct 2>/dev/null ||
    fail "the right disk does not work again: $(tail -n 5 "$WORK/iscsid.log")"

# The same disk by its name, but each block number would mean another place of it.
dd if=/dev/zero of="$WORK/lun-1-1" bs=1M count=64 conv=notrunc status=none
stop_target
write_on
waits() { [ "$(awk '{ print $9 }' "/sys/block/${node#/dev/}/stat")" -ge 16 ]; }
wait_until 20 waits || fail "nothing waits for the target"
start_target
serve "$WORK/lun-1-1" --blocksize 4096
tgt --op bind --mode target --tid 1 -I ALL
wait "$fio_pid" && fail "fio does not notice that the blocks are others: $(cat "$WORK/fio")"
grep 'blocks of 4096 bytes instead of 512' "$WORK/iscsid.log" || fail "nothing in the log"
cmp -n $((64 << 20)) "$WORK/lun-1-1" /dev/zero || fail "writes went to other places"
stop_target
start_target
add_target 1 "$TARGET_NAME" 64M || fail "the old blocks do not come back"
wait_until 30 dd if=/dev/zero of="$node" bs=4k count=1 oflag=direct 2>/dev/null ||
    fail "the disk does not work again: $(tail -n 5 "$WORK/iscsid.log")"
log_out
