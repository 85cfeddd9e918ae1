#!/usr/bin/env bash
# A logout, and the end of iscsid, with LUNs that have fallen silent: what was written to the others is on the medium,
# whatever their numbers, also when the target loses its cache right after; the losses of the silent ones are told.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires fio
cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/"
silent=(0 2) others=(1 3)

uri() { echo "nbd+unix:///?socket=$ISCSID_RUNTIME_DIR/nbd/$TARGET_NAME-lun-$1.sock"; }

# io LUN OPTION…: 1 MiB by fio, which does not flush.
io() {
    local engine=(--ioengine=libaio --direct=1 --filename="${disk[$1]}")
    [ "$driver" != export ] || engine=(--ioengine=nbd --uri="$(uri "$1")")
    (cd "$WORK" && fio --name=io "${engine[@]}" --bs=64k --size=1m "${@:2}") >"$WORK/words" 2>&1
}

write_to() { io "$1" --rw=write --verify=pattern --verify_pattern=$((0x50505050 + $1)) --do_verify=0; }
read_from() { io "$1" --rw=read --verify=pattern --verify_pattern=$((0x50505050 + $1)) --verify_state_save=0; }

start() {
    start_iscsid
    discover
    expect_exit 0 iscsiadm -m node -o update -n "node.conn[0].timeo.logout_timeout" -v 3
    log_in
}

power_cut() {
    kill -USR1 "$test_target_pid"
    kill -USR2 "$test_target_pid"
}

for case in "export stop" "fuse logout"; do
    read -r driver how <<<"$case"
    sed -i '/^iscsid.disk.driver/d' "$ISCSI_CONFIG_DIR/iscsid.conf"
    echo "iscsid.disk.driver = $driver" >>"$ISCSI_CONFIG_DIR/iscsid.conf"
    start_test_target --luns 4 --size 16 --volatile-cache
    start
    for lun in 0 1 2 3; do
        write_to $lun || fail "$driver: LUN $lun: $(cat "$WORK/words")"
    done
    for lun in "${silent[@]}"; do tell_target "lun $lun hang on" >/dev/null; done
    tell_target "silent-task-management on" >/dev/null
    : >"$WORK/iscsid.log"
    if [ $how = logout ]; then
        expect_exit 10 iscsiadm -m node -u
        for lun in "${silent[@]}"; do expect_err "LUN $lun"; done
        for lun in "${others[@]}"; do ! grep -q "LUN $lun" "$WORK/err" || fail "$driver: $(cat "$WORK/err")"; done
    fi
    stop_iscsid
    for lun in "${others[@]}"; do
        ! grep "LUN ${lun}[ :(].*flush failed" "$WORK/iscsid.log" || fail "$driver, $how: LUN $lun was not flushed"
    done
    for line in "lun 0 hang off" "lun 2 hang off" "silent-task-management off" release; do
        tell_target "$line" >/dev/null
    done
    power_cut
    start
    for lun in "${others[@]}"; do
        read_from "$lun" || fail "$driver, $how: LUN $lun has lost what was written: $(cat "$WORK/words")"
    done
    log_out
    stop_iscsid
    stop_test_target
    rm -rf "${ISCSI_DATABASE_DIR:?}"/*
done
