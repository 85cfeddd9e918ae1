#!/usr/bin/env bash
# kill -9 of iscsid at random moments, and restarts for upgrades, under fio with verification: no
# I/O error, no miscompare, and the disks keep their names. Usage: killed-daemon.sh DRIVER [KILLS]
. tests/support/functions.sh
. tests/vm/lio.sh

driver=${1:?ublk or nbd} kills=${2:-20}

# The daemon ends: by SIGKILL, or every fourth time as for an upgrade.
end_daemon() {
    if [ $(($1 % 4)) -eq 3 ]; then
        kill "$iscsid_pid"
        wait "$iscsid_pid" || fail "iscsid ended with $? when it was to hand over"
    else
        kill -9 "$iscsid_pid"
        wait "$iscsid_pid" 2>/dev/null
    fi
    iscsid_pid=''
}

all_disks_are_back() { [ "$(disks | wc -l)" -eq 2 ] && iscsiadm -m session -P 1 | grep -q 'Internal iscsid Session State: NO CHANGE'; }

start_lio
lio_disk d0 64M
lio_map d0 0
lio_disk d1 64M block_size=4096
lio_map d1 1
use_driver "$driver"
start_iscsid
log_in
names=${disk[*]}

for each in "${disk[@]}"; do
    fio --name="verify-${each##*/}" --filename="$each" --direct=1 --ioengine=libaio --iodepth=8 \
        --rw=randrw --bs=4k --size=32m --io_size=1g --loops=1000 --verify=crc32c \
        --verify_backlog=256 --verify_fatal=1 --verify_state_save=0 --time_based \
        --runtime=$((kills * 4)) --output="$WORK/fio-${each##*/}" &
    fios+=($!)
done
for number in $(seq "$kills"); do
    sleep "$((RANDOM % 2)).$((RANDOM % 10))"
    end_daemon "$number"
    sleep "0.$((RANDOM % 10))"
    start_iscsid
    wait_until 60 all_disks_are_back || fail "the disks did not come back after end $number"
    echo "end $number: back"
done
for pid in "${fios[@]}"; do
    wait "$pid" || fail "fio: $(cat "$WORK"/fio-*)"
done
[ "$(disks | xargs)" = "$names" ] || fail "the disks had the names $names, and now: $(disks | xargs)"
! dmesg | grep -E 'I/O error|Buffer I/O' || fail "I/O errors"
log_out
[ -z "$(ls "$ISCSID_RUNTIME_DIR/state")" ] || fail "state is left: $(ls "$ISCSID_RUNTIME_DIR/state")"
ls "$names" 2>/dev/null && fail "$names are still there"
echo "killed $kills times: no error"
