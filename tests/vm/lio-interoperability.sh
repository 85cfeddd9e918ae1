#!/usr/bin/env bash
# What is negotiated with LIO, each with a disk that verifies: CHAP one-way and mutual, wrong secrets,
# digests, and the four modes of ImmediateData and InitialR2T. Usage: lio-interoperability.sh [DRIVER]
here=$(dirname "$0")
. "$here/../support/functions.sh"
. "$here/lio.sh"

set_record() { expect_exit 0 iscsiadm -m node -o update "$@"; }

step() { echo "$(cut -d ' ' -f 1 /proc/uptime) s: $*"; }

# expect_session WORDS…: after a login, what is shown; then verified I/O, then the logout.
expect_session() {
    local words
    expect_exit 0 iscsiadm -m node -l
    expect_no_err
    expect_exit 0 iscsiadm -m session -P 2
    for words in "$@"; do
        grep -qE "^[[:space:]]*$words$" "$WORK/out" || fail "session -P 2 lacks '$words': $(cat "$WORK/out")"
    done
    mapfile -t disk < <(disks)
    [ ${#disk[@]} -eq 1 ] || fail "one disk expected: ${disk[*]}"
    # Some requests are larger than FirstBurstLength, some take several sequences of data.
    fio --name=verify --filename="${disk[0]}" --direct=1 --ioengine=libaio --iodepth=8 --rw=randwrite \
        --bsrange=4k-512k --size=4m --fsync=16 --verify=crc32c --verify_fatal=1 --verify_state_save=0 \
        --output="$WORK/fio" || fail "fio: $(cat "$WORK/fio")"
    log_out
}

# refused CODE: the login fails so, and nothing of it stays.
refused() {
    expect_exit "$1" iscsiadm -m node -l
    expect_exit 21 iscsiadm -m session
}

check_chap() {
    step "no CHAP where it is required"
    lio_set auth userid=alice password="$SECRET"
    lio_set attrib authentication=1
    refused 24
    step "one-way CHAP"
    set_record -n node.session.auth.authmethod -v CHAP \
        -n node.session.auth.username -v alice -n node.session.auth.password -v "$SECRET"
    expect_session "username: alice" "username_in: <empty>"
    step "mutual CHAP"
    lio_set auth userid_mutual=disk password_mutual="$TARGET_SECRET"
    set_record -n node.session.auth.username_in -v disk -n node.session.auth.password_in -v "$TARGET_SECRET"
    expect_session "username: alice" "username_in: disk"
    step "wrong secrets"
    set_record -n node.session.auth.password_in -v not-of-the-disk
    refused 19
    set_record -n node.session.auth.password -v not-the-secret-1 -n node.session.auth.password_in -v "$TARGET_SECRET"
    refused 24
    set_record -n node.session.auth.password -v "$SECRET" -n node.session.auth.username -v mallory
    refused 24
    set_record -n node.session.auth.username -v alice
}

# Still with mutual CHAP: both are settled in one login.
check_digests() {
    local digest
    for digest in CRC32C None; do
        step "digests $digest"
        set_record -n "node.conn[0].iscsi.HeaderDigest" -v $digest -n "node.conn[0].iscsi.DataDigest" -v $digest
        expect_session "HeaderDigest: $digest" "DataDigest: $digest" "username_in: disk"
    done
    step "digests that the target insists on"
    lio_set param HeaderDigest=CRC32C DataDigest=CRC32C
    set_record -n "node.conn[0].iscsi.HeaderDigest" -v None,CRC32C -n "node.conn[0].iscsi.DataDigest" -v None,CRC32C
    expect_session "HeaderDigest: CRC32C" "DataDigest: CRC32C"
}

check_modes() {
    local immediate r2t
    set_record -n node.session.iscsi.ImmediateData -v Yes -n node.session.iscsi.InitialR2T -v No
    for immediate in Yes No; do
        for r2t in Yes No; do
            step "ImmediateData=$immediate InitialR2T=$r2t"
            lio_set param ImmediateData=$immediate InitialR2T=$r2t
            expect_session "ImmediateData: $immediate" "InitialR2T: $r2t"
        done
    done
}

start_lio
lio_disk d0 32M
lio_map d0 0
use_driver "${1:-auto}"
start_iscsid
discover
check_chap
check_digests
check_modes
! grep -qF -e "$SECRET" -e "$TARGET_SECRET" "$WORK/iscsid.log" || fail "a secret is in the log"
