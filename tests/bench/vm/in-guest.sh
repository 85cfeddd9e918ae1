#!/usr/bin/env bash
# ublk and nbd disks of this initiator beside the kernel's (iscsi_tcp) and qemu-nbd, on one LUN of LIO in memory, all in
# the guest of tests/vm/run. Usage: run in-guest.sh ROUNDS SECONDS; $BUILD/open-iscsi: Debian's packages.
# Prints the cells by tests/bench/compare.py, and at the end their JSON in lines that begin with "CELLS ".
. tests/support/functions.sh
. tests/vm/lio.sh
rounds=${1:-3} seconds=${2:-1}
cells=()
for cell in "randread 4k 1" "randread 4k 32" "randread 4k 128" "randwrite 4k 32" "read 256k 8" "write 256k 8"; do
    cells+=(--cell "$cell")
done

# No file behind it: what is compared is the way there.
lio_memory() { # NAME MiB
    local device=$LIO/core/rd_mcp_0/$1
    mkdir -p "$device" && echo "rd_pages=$(($2 * 256))" >"$device/control" && echo 1 >"$device/enable" || fail "LIO memory $1"
}

# The kernel's initiator, logged in by Debian's iscsistart, which needs no daemon of its own.
start_kernel_initiator() {
    local files=$BUILD/open-iscsi/files
    modprobe -a iscsi_tcp sd_mod || fail "no iscsi_tcp"
    LD_LIBRARY_PATH=$(find "$files/usr/lib" "$files/lib" -name '*.so.*' -printf '%h:' 2>/dev/null) \
        "$files/sbin/iscsistart" -i iqn.2026-11.org.example:kernel -t "$TARGET_NAME" -g 1 -a 127.0.0.1 -p "$PORT" \
        >"$WORK/iscsistart" 2>&1 </dev/null || fail "iscsistart: $(cat "$WORK/iscsistart")"
    kernel_disk() { found=$(ls -d /sys/class/iscsi_session/session*/device/target*/*:0/block/sd*) && [ -e "/dev/${found##*/}" ]; }
    wait_until 30 kernel_disk || fail "no disk of the kernel's initiator"
    kernel=/dev/${found##*/}
}

start_qemu() {
    qemu-nbd --persistent --format=raw --cache=none --connect=/dev/nbd15 "iscsi://$PORTAL/$TARGET_NAME/0" \
        >"$WORK/qemu-nbd" 2>&1 &
    is_connected() { [ "$(cat /sys/block/nbd15/size)" -gt 0 ]; }
    wait_until 30 is_connected || fail "qemu-nbd: $(cat "$WORK/qemu-nbd")"
    at_end 'qemu-nbd --disconnect /dev/nbd15 >/dev/null'
}

# A ublk disk of ours whose requests are answered at once: what the way through the kernel and the lane costs alone.
start_without_target() {
    mkfifo "$WORK/null-end" || fail "no FIFO"
    "$BUILD/tests/bench/fuse/fuse_bench" --ublk --null --size 256 -- \
        "echo /dev/\${NODE##*/} >$WORK/null-node; read -r end <$WORK/null-end" >"$WORK/null" 2>&1 &
    at_end "echo end 1<>$WORK/null-end" # the read costs nothing meanwhile
    wait_until 30 test -s "$WORK/null-node" || fail "the ublk disk without a target: $(cat "$WORK/null")"
    without=$(cat "$WORK/null-node")
}

requires fio python3 qemu-nbd
modprobe -a ublk_drv || fail "no ublk"
modprobe nbd nbds_max=16 || fail "no nbd"
start_lio
lio_memory memory 256
lio_map memory 0
start_kernel_initiator
start_qemu
start_without_target
for driver in ublk nbd; do
    use_driver $driver
    start_iscsid
    log_in
    # The whole guest is process 0: the work of the kernel's initiator belongs to no process.
    python3 tests/bench/compare.py measure --part "vm-$driver" --target lio --target-pid 0 --rounds "$rounds" \
        --seconds "$seconds" --work "$WORK" --to "$WORK/$driver.cells" "${cells[@]}" \
        "iscsid=${disk[0]},0" "iscsi_tcp=$kernel,0" "qemu-nbd=/dev/nbd15,0" "no target=$without,0" || fail "the measurement"
    log_out
    stop_iscsid || fail "iscsid ended with $?"
done
for driver in ublk nbd; do
    sed 's/^/CELLS /' "$WORK/$driver.cells"
    echo
done
