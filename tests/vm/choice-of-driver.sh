#!/usr/bin/env bash
# Which driver and which ring the daemon takes on this kernel, and what it says of it.
# With 6.12: ublk by itself; without io_uring: epoll, and nbd, fuse or export. With --kernel 6.1, which
# has no ublk: nbd.
here=$(dirname "$0")
. "$here/../support/functions.sh"
. "$here/lio.sh"

step() { echo "$(cut -d ' ' -f 1 /proc/uptime) s: $*"; }

# start_with DRIVER: a daemon with a log of its own.
start_with() {
    stop_iscsid || fail "iscsid ended with $?"
    step "driver $1, io_uring_disabled $(sysctl -n kernel.io_uring_disabled 2>/dev/null || echo -)"
    : >"$WORK/iscsid.log"
    use_driver "$1"
    start_iscsid
}

# expect_said PATTERN: exactly one line of the log has it.
expect_said() {
    [ "$(grep -cE -- "$1" "$WORK/iscsid.log")" -eq 1 ] || fail "not said once: '$1'"
}

# expect_disk NAME PATTERN: a login makes a disk of this name, which verifies, and goes at the logout.
expect_disk() {
    log_in
    [[ ${#disk[@]} -eq 1 && ${disk[0]} == /dev/$1[0-9] ]] || fail "a disk of $1 expected: ${disk[*]}"
    fio --name=verify --filename="${disk[0]}" --direct=1 --ioengine=libaio --iodepth=8 --rw=randwrite \
        --bsrange=4k-128k --size=3m --fsync=16 --verify=crc32c --verify_fatal=1 --verify_state_save=0 \
        --output="$WORK/fio" || fail "fio: $(cat "$WORK/fio")"
    log_out
}

# A disk that is a socket: one tool writes through it, another reads.
expect_export() {
    local uri="nbd+unix:///?socket=$ISCSID_RUNTIME_DIR/nbd/$TARGET_NAME-lun-0.sock"
    log_in
    [ ${#disk[@]} -eq 0 ] || fail "no disk expected: ${disk[*]}"
    head -c 8M /dev/urandom >"$WORK/data"
    expect_exit 0 nbdcopy --flush "$WORK/data" "$uri"
    cmp -n $((8 << 20)) "$WORK/data" "$WORK/lio-d0" || fail "the target holds something else"
    expect_exit 0 qemu-img convert -O raw "$uri" "$WORK/image"
    cmp "$WORK/image" "$WORK/lio-d0" || fail "qemu-img read something else"
    log_out
}

# expect_refused WORDS: the log says once what is missing, the login ends with 12 and one sentence, and
# discovery works without a driver.
expect_refused() {
    expect_said "no disks, logins will be refused: .*$1"
    discover
    expect_exit 12 iscsiadm -m node -l
    [ "$(grep -c '(12 - ' "$WORK/err")" -eq 1 ] || fail "stderr lacks one sentence: $(cat "$WORK/err")"
    expect_exit 21 iscsiadm -m session
    [ -z "$(tr -d '\0' <"$LIO/iscsi/$TARGET_NAME/tpgt_1/dynamic_sessions")" ] || fail "LIO has a session"
}

check_old_kernel() {
    start_with auto
    expect_said 'disks: auto: nbd, /dev/nbdN \(no ublk: .+\)'
    expect_said 'disks by nbd, [0-9]+ lane\(s\) on io_uring'
    expect_disk nbd
    start_with ublk
    expect_refused ublk
}

check_new_kernel() {
    start_with auto
    expect_said 'disks: auto: ublk, /dev/ublkbN$'
    expect_said 'disks by ublk, [0-9]+ lane\(s\) on io_uring'
    expect_disk ublkb
    sysctl -q -w kernel.io_uring_disabled=2 || fail "sysctl"
    start_with auto
    expect_said 'disks: auto: nbd, /dev/nbdN \(no ublk: .*io_uring.*\)'
    expect_said 'disks by nbd, [0-9]+ lane\(s\) on epoll'
    expect_said 'no io_uring, epoll does its work: .+'
    expect_disk nbd
    start_with fuse
    expect_said 'disks by fuse, [0-9]+ lane\(s\) on epoll'
    expect_disk loop
    start_with export
    expect_said 'disks by export, [0-9]+ lane\(s\) on epoll'
    expect_export
    start_with ublk
    expect_refused io_uring
}

requires nbdcopy qemu-img
start_lio
lio_disk d0 32M
lio_map d0 0
if modprobe -n ublk_drv 2>/dev/null; then check_new_kernel; else check_old_kernel; fi
