#!/usr/bin/env bash
# The whole job against targets with the habits of SCST, IET, LIO, tgt and istgt: discovery and login
# with CHAP one-way and mutual, a filesystem, fio verify, a restart of the target under I/O, a rescan
# that finds a new LUN, the loss of its connections under I/O, and a logout.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires fio mkfs.ext4

# use_chap [mutual]: iscsid.conf for sessions and discovery.
use_chap() {
    local prefix
    for prefix in node.session discovery.sendtargets; do
        echo "$prefix.auth.authmethod = CHAP"
        echo "$prefix.auth.username = alice"
        echo "$prefix.auth.password = $SECRET"
        [ "${1:-}" != mutual ] || echo "$prefix.auth.username_in = disk"
        [ "${1:-}" != mutual ] || echo "$prefix.auth.password_in = $TARGET_SECRET"
    done >>"$ISCSI_CONFIG_DIR/iscsid.conf"
}

# start_like PROFILE [OPTION…]: with CHAP both ways for sessions and discovery.
start_like() {
    start_test_target --like "$@" --size 96 --luns 2 --chap-user alice --chap-secret "$SECRET" \
        --chap-own-name disk --chap-own-secret "$TARGET_SECRET"
}

# io_during_restart PROFILE DISK: the target's process ends and starts again, empty, while DISK is read. Its
# serial numbers are those of before, so the disks go on.
io_during_restart() {
    local pid before
    before=$(tell_target commands)
    fio --name=restart --filename="$2" --direct=1 --ioengine=libaio --iodepth=4 --rw=randread --bs=4k \
        --rate_iops=400 --number_ios=2000 --output="$WORK/fio" &
    pid=$!
    wait_until 20 eval "[ \$(tell_target commands) -gt $((before + 50)) ]" || fail "$1: nothing is read"
    stop_test_target
    start_like "$1" --port "$PORT"
    kill -0 $pid 2>/dev/null || fail "$1: the reader was over before the target was back"
    wait $pid || fail "$1: fio during a restart: $(cat "$WORK/fio")"
    grep -q 'err= 0' "$WORK/fio" || fail "$1: a restart of the target is seen: $(cat "$WORK/fio")"
    [ "$(tell_target commands)" -gt 100 ] || fail "$1: the new process has read nothing"
}

# io_under_drops DISK: fio verify while all connections are dropped, three times.
io_under_drops() {
    fio --name=restart --filename="$1" --direct=1 --ioengine=libaio --iodepth=8 --rw=randwrite \
        --bsrange=4k-64k --size=32m --verify=crc32c --verify_state_save=0 --verify_fatal=1 \
        --output="$WORK/fio" &
    local pid=$! drops=0 before
    while kill -0 $pid 2>/dev/null && [ $drops -lt 3 ]; do
        before=$(tell_target "commands")
        wait_until 20 eval "[ \$(tell_target commands) -gt $((before + 50)) ] || ! kill -0 $pid" || break
        tell_target drop >/dev/null
        drops=$((drops + 1))
    done
    wait $pid || fail "$profile: fio: $(cat "$WORK/fio")"
    grep -q 'err= 0' "$WORK/fio" || fail "$profile: fio reports errors: $(cat "$WORK/fio")"
    [ $drops -gt 0 ] || fail "$profile: no connection was dropped"
}

has_disks() { [ "$(disks | wc -l)" -eq "$1" ]; }

# the_job PROFILE
the_job() {
    start_like "$1"
    start_iscsid
    log_in
    [ ${#disk[@]} -eq 2 ] || fail "$1: ${#disk[@]} disks"
    verify_disk "${disk[0]}"
    io_during_restart "$1" "${disk[1]}"
    [ "$(tell_target "lun 5 add 16")" = ok ] || fail "$1: lun add"
    expect_exit 0 iscsiadm -m session -R
    wait_until 30 has_disks 3 || fail "$1: the new LUN has no disk: $(disks)"
    io_under_drops "${disk[1]}"
    log_out
    stop_test_target
    stop_iscsid || fail "$1: iscsid ended with an error"
}

[ $# -gt 0 ] || set -- scst iet lio tgt istgt
for profile in "$@"; do
    for way in one-way mutual; do
        rm -rf "${ISCSI_DATABASE_DIR:?}"/* "$ISCSI_CONFIG_DIR/iscsid.conf"
        cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/"
        use_chap "${way/one-way/}"
        if [ $way = mutual ]; then
            the_job "$profile"
        else # the way in is all that differs
            start_like "$profile"
            start_iscsid
            log_in
            log_out
            stop_test_target
            stop_iscsid || fail "$profile: iscsid ended with an error"
        fi
    done
    echo "$profile: done"
done
case " $* " in *' scst '*)
    grep -q 'login parameters against RFC 7143: DefaultTime2Wait: got 0, using 2' "$WORK/iscsid.log" ||
        fail "no warning names DefaultTime2Wait" ;;
esac
