#!/usr/bin/env bash
# A target that breaks every kind of rule now and then, under fio verify: no error, no rule broken here.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires fio
cat >"$WORK/faults" <<'FAULTS'
every 97 data-in: corrupt 60
every 89 data-in: add datasn 1
every 83 data-in: add offset 0x10000000
every 79 data-in: cut 30
every 73 scsi-response: swallow
every 71 scsi-response: twice
every 67 scsi-response: set itt 0x7ffe
every 61 scsi-response: add statsn 5
every 59 r2t: set length 512
every 53 r2t: add offset 0x10000000
every 47 r2t: drop
every 43 scsi-response: set opcode 0x3f
every 41 scsi-response: stall 200
every 37 scsi-response: swap
FAULTS
start_test_target --size 64 --max-burst 16384 --initial-r2t --faults "$WORK/faults"
start_iscsid
discover
expect_exit 0 iscsiadm -m node -o update -n "node.conn[0].iscsi.HeaderDigest" -v CRC32C \
    -n "node.conn[0].iscsi.DataDigest" -v CRC32C
log_in
fio --name=verify --filename="${disk[0]}" --direct=1 --ioengine=libaio --iodepth=16 --rw=randrw \
    --bsrange=4k-64k --size=48m --verify=crc32c --verify_state_save=0 --verify_fatal=1 \
    --verify_backlog=64 --time_based --runtime="${HOSTILE_SECONDS:-20}" --output="$WORK/fio" ||
    fail "fio: $(cat "$WORK/fio") $(tail -n 20 "$WORK/iscsid.log")"
grep -q 'err= 0' "$WORK/fio" || fail "fio reports errors: $(cat "$WORK/fio")"
# A fault after the Logout has been sent would leave it without a confirmation, which is told.
tell_target forget >"$WORK/told"
log_out
stop_test_target
faults=$(sed -n 's/^faults: //p' "$WORK/test-target.log")
[ "$faults" -ge 5 ] || fail "only $faults faults were made"
