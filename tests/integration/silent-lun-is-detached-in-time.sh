#!/usr/bin/env bash
# A LUN that falls silent, with reads and writes under way, is detached within logout_timeout, with what may be lost;
# the session and its other LUNs go on, and the LUN can be attached again once it answers. A logout that comes while a
# detach waits for a silent LUN is not held up by it.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires fio nbdinfo qemu-io
cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/"
echo "iscsid.safe_logout = No" >>"$ISCSI_CONFIG_DIR/iscsid.conf" # users are there, and do not count

sid() { iscsiadm -m session | sed -n 's/^tcp: \[\([0-9]*\)\].*/\1/p'; }
socket() { echo "$ISCSID_RUNTIME_DIR/nbd/$TARGET_NAME-lun-$1.sock"; }
uri() { echo "nbd+unix:///?socket=$(socket "$1")"; }
disk_of() { iscsiadm -m session -P 3 | grep -A 1 "Lun: $1\$" | sed -n 's|.*Attached scsi disk \([^ \t]*\).*|/dev/\1|p'; }

# io LUN OPERATION…: of fio, which ends it by itself when the time is over.
io() {
    local lun=$1 engine=(--ioengine=libaio --direct=1 --filename="$(disk_of "$1")")
    shift
    [ "$driver" != export ] || engine=(--ioengine=nbd --uri="$(uri "$lun")")
    fio --name="lun-$lun" "${engine[@]}" --bs=4k --size=8m --output="$WORK/fio-$lun" "$@"
}

held() { [ "$(tell_target held)" -ge "$1" ]; }
# writes: how many of LUN 1 have ended.
writes() { iscsiadm -m session -s 2>/dev/null | awk '/LUN /{ one = /LUN 1/ } one && /write:/ { print $2; found = 1 } END { if (!found) print 0 }'; }
written() { [ "$(writes)" -gt "$1" ]; }

# Reads and writes of LUN 1 are at the target, which says nothing of them; what was written before is not flushed.
fall_silent() {
    local before
    before=$(writes)
    for how in randread randwrite; do
        io 1 --rw=$how --iodepth=4 --time_based --runtime=60 >/dev/null 2>&1 &
        users+=($!)
    done
    wait_until 20 written $((before + 50)) || fail "$driver: LUN 1 is not written to"
    tell_target "lun 1 hang on" >/dev/null
    tell_target "silent-task-management $1" >/dev/null
    wait_until 20 held 8 || fail "$driver: $(tell_target held) commands are at the target"
}

taken_away() { grep -c "LUN 1.*taken away from its users" "$WORK/iscsid.log"; }

speak() {
    for line in "lun 1 hang off" "silent-task-management off" release; do tell_target "$line" >/dev/null; done
    wait "${users[@]}" 2>/dev/null
    users=()
}

for driver in export fuse; do
    sed -i '/^iscsid.disk.driver/d' "$ISCSI_CONFIG_DIR/iscsid.conf"
    echo "iscsid.disk.driver = $driver" >>"$ISCSI_CONFIG_DIR/iscsid.conf"
    start_test_target --luns 3 --size 16
    start_iscsid
    discover
    expect_exit 0 iscsiadm -m node -o update -n "node.conn[0].timeo.logout_timeout" -v 2
    log_in
    users=()
    at_end 'kill "${users[@]}" 2>/dev/null'
    io 2 --rw=randrw --iodepth=4 --time_based --runtime=300 --verify=crc32c --verify_fatal=1 --verify_backlog=16 \
        --verify_state_save=0 >/dev/null 2>&1 &
    flow=$!
    at_end "kill $flow 2>/dev/null; wait $flow 2>/dev/null"

    # Its target answers a reset: then it works again as soon as it answers.
    fall_silent off
    status=0
    timeout 20 iscsiadm -m session -r "$(sid)" --lun 1 --detach >"$WORK/out" 2>"$WORK/err" || status=$?
    [ $status -ne 124 ] || fail "$driver: a detach of a silent LUN does not end"
    [ $status -eq 1 ] || fail "$driver: a detach with losses ended with $status: $(cat "$WORK/err")"
    expect_err "detached, with losses: LUN 1"
    grep -q "may not be on the medium" "$WORK/err" || fail "$driver: stderr does not say what may be lost: $(cat "$WORK/err")"
    kill -0 $flow 2>/dev/null || fail "$driver: the I/O of LUN 2 ended: $(cat "$WORK/fio-2")"
    speak
    expect_exit 0 iscsiadm -m session -r "$(sid)" --lun 1 --attach
    io 1 --rw=write --number_ios=16 --iodepth=1 >/dev/null || fail "$driver: LUN 1 does not work again"

    # Neither commands nor resets are answered, and a logout comes meanwhile.
    expect_exit 0 iscsiadm -m session -r "$(sid)" -o update -n "node.conn[0].timeo.logout_timeout" -v 8
    fall_silent on
    before=$(taken_away)
    iscsiadm -m session -r "$(sid)" --lun 1 --detach >"$WORK/out-detach" 2>"$WORK/err-detach" &
    detach=$!
    # Behind the question whether the unit is there at all comes the flush of a device, or the end of the sockets.
    is_going() { held 10 || [ "$(taken_away)" -gt "$before" ]; }
    wait_until 10 is_going || fail "$driver: the second detach does not begin"
    kill -0 $flow 2>/dev/null || fail "$driver: the I/O of LUN 2 ended: $(cat "$WORK/fio-2")"
    kill $flow && wait $flow 2>/dev/null
    status=0
    timeout 20 iscsiadm -m node -u >"$WORK/out" 2>"$WORK/err" || status=$?
    [ $status -ne 124 ] || fail "$driver: a logout waits for a detach of a silent LUN"
    expect_exit 21 iscsiadm -m session
    wait_until 10 eval "! kill -0 $detach" || fail "$driver: the detach goes on after the session"
    wait $detach && fail "$driver: nothing is said to be lost: $(cat "$WORK/out-detach")"
    grep -q "LUN 1.*may not be on the medium" "$WORK/iscsid.log" || fail "$driver: the log does not say what may be lost"
    speak
    [ -z "$(leftovers)" ] || fail "$driver: left: $(leftovers)"
    ! grep "trying again" "$WORK/iscsid.log" || fail "$driver: the connection did not stay"
    stop_iscsid || fail "iscsid ended with $?"
    stop_test_target
    rm -rf "${ISCSI_DATABASE_DIR:?}"/* "$WORK/iscsid.log"
done
