#!/usr/bin/env bash
# Where a container's seccomp refuses io_uring, with EPERM or ENOSYS, lanes run on epoll: the daemon says
# so once, a disk verifies, an export serves its clients.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires nbdcopy fio
start_target
add_target 1 "$TARGET_NAME" 64M

# start_refused ERRNO DRIVER: a daemon with a log of its own.
start_refused() {
    cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/"
    echo "iscsid.disk.driver = $2" >>"$ISCSI_CONFIG_DIR/iscsid.conf"
    : >"$WORK/iscsid.log"
    # shellcheck disable=SC2317 # start_iscsid calls it
    eval "iscsid() { exec '$BUILD/tests/support/without-io-uring' $1 '$BUILD/iscsid/iscsid' \"\$@\"; }"
    start_iscsid
    for words in "disks by $2, [0-9]+ lane\(s\) on epoll" "no io_uring, epoll does its work: .+"; do
        [ "$(grep -cE -- "$words" "$WORK/iscsid.log")" -eq 1 ] || fail "not said once: '$words'"
    done
}

for error in EPERM ENOSYS; do
    start_refused $error fuse
    log_in
    [ ${#disk[@]} -eq 1 ] || fail "one disk expected: ${disk[*]}"
    verify_disk "${disk[0]}"
    log_out
    stop_iscsid || fail "iscsid ended with $?"

    start_refused $error export
    log_in
    uri="nbd+unix:///?socket=$ISCSID_RUNTIME_DIR/nbd/$TARGET_NAME-lun-1.sock"
    head -c 32M /dev/urandom >"$WORK/data"
    expect_exit 0 nbdcopy --flush "$WORK/data" "$uri"
    cmp -n $((32 << 20)) "$WORK/data" "$WORK/lun-1-1" || fail "the target holds something else"
    expect_exit 0 nbdcopy "$uri" "$WORK/back"
    cmp -n $((32 << 20)) "$WORK/data" "$WORK/back" || fail "nbdcopy read something else"
    log_out
    stop_iscsid || fail "iscsid ended with $?"
done
