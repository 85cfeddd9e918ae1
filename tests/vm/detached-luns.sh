#!/usr/bin/env bash
# A LUN that was detached stays so when its daemon is killed and the next one takes the other disks over,
# whatever kernel driver makes these, and with I/O on one of them. Usage: detached-luns.sh ublk|nbd
here=$(dirname "$0")
. "$here/../support/functions.sh"
. "$here/lio.sh"
requires fio

start_lio
lio_disk d0 64M
lio_disk d1 32M
lio_disk d2 16M
lio_map d0 0
lio_map d1 1
lio_map d2 2
use_driver "${1:?ublk or nbd}"
start_iscsid
log_in
[ ${#disk[@]} -eq 3 ] || fail "three disks expected: ${disk[*]}"
lun() { expect_exit "$1" iscsiadm -m session -r 1 --lun "$2" "--$3"; }
kill_daemon() {
    kill -9 "$iscsid_pid"
    wait "$iscsid_pid" 2>/dev/null
    iscsid_pid=''
    start_iscsid
}
are_attached() { [ "$(iscsiadm -m session -P 3 2>/dev/null | sed -n 's/.*Lun: \([0-9]*\)$/\1/p' | xargs)" = "$1" ]; }
is_well() { iscsiadm -m session -P 3 2>/dev/null | grep -q 'Internal iscsid Session State: NO CHANGE'; }
taken_over() { wait_until 30 is_well && wait_until 30 are_attached "$1" || fail "LUNs: $(iscsiadm -m session -P 3)"; }

lun 0 1 detach
are_attached "0 2" || fail "LUN 1 is still attached"
fio --name=flow --filename="${disk[0]}" --direct=1 --ioengine=libaio --iodepth=4 --rw=randrw --bs=4k \
    --size=16m --time_based --runtime=600 --verify=crc32c --verify_fatal=1 --verify_backlog=64 --verify_state_save=0 \
    --output="$WORK/fio" >"$WORK/fio-words" 2>&1 &
flow=$!
at_end "kill $flow 2>/dev/null; wait $flow 2>/dev/null"
kill_daemon
taken_over "0 2"
lun 0 1 detach # behind the look that follows a login
expect_out "has no disk already"
are_attached "0 2" || fail "LUN 1 is back"
kill -0 "$flow" || fail "the I/O of LUN 0 ended: $(cat "$WORK/fio" "$WORK/fio-words")"

# A LUN that was attached again is one more disk that is taken over.
lun 0 1 attach
kill_daemon
taken_over "0 1 2"
lun 0 2 detach
expect_exit 0 iscsiadm -m session -r 1 -R
are_attached "0 1 2" || fail "a user's rescan should attach LUN 2"
kill "$flow"
wait "$flow"
log_out
[ -z "$(ls "$ISCSID_RUNTIME_DIR/state")" ] || fail "left behind: $(ls "$ISCSID_RUNTIME_DIR/state")"
