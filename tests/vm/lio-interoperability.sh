#!/usr/bin/env bash
# Persistent reservations of LIO, over a lost path and a killed daemon. Then what is negotiated with it, each
# with a disk that verifies: CHAP one-way and mutual, wrong secrets, digests, and the four modes of
# ImmediateData and InitialR2T. Usage: lio-interoperability.sh [DRIVER]
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

# sid_of INTERFACE
sid_of() { iscsiadm -m session -P 1 | awk -v name="$1" '/Iface Name:/ { of = $3 } /SID:/ && of == name { print $2 }'; }

# reserve CODE INTERFACE VERB…: through the session of that interface.
reserve() { expect_exit "$1" iscsiadm -m session -r "$(sid_of "$2")" --lun 0 --persist "${@:3}"; }

write_to() {
    local name
    name=$(iscsiadm -m session -r "$(sid_of "$1")" -P 3 | sed -n 's|.*Attached scsi disk \([^ \t]*\).*|\1|p')
    dd if=/dev/zero of="/dev/$name" bs=4k count=1 oflag=direct status=none 2>/dev/null
}

both_are_up() { [ "$(iscsiadm -m session -P 1 | grep -cF 'iSCSI Connection State: LOGGED IN')" = 2 ]; }

# holder_stays WHEN: the reservation is still that of the same initiator port, which may write.
holder_stays() {
    wait_until 60 both_are_up || fail "$1: no sessions"
    reserve 0 other read-full-status
    grep -B 2 "Reservation holder, type: write-exclusive" "$WORK/out" | grep -qF "Initiator: $INITIATOR_NAME,i,0x" ||
        fail "$1: another holder: $(cat "$WORK/out")"
    write_to default || fail "$1: the holder cannot write"
    ! write_to other || fail "$1: another initiator writes to what is reserved"
}

# Two sessions of one daemon, the second with another initiator's name.
check_reservations() {
    step "reservations of two initiators"
    mkdir -p /var/target/pr # where LIO keeps them, and without which it fails after registering
    expect_exit 0 iscsiadm -m iface -I other -o new
    expect_exit 0 iscsiadm -m iface -I other -o update -n iface.initiatorname -v "$INITIATOR_NAME:other"
    expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL" -I other -o new
    expect_exit 0 iscsiadm -m node -l
    reserve 0 default register --new-key 0xa
    reserve 0 other register --new-key 0xb
    reserve 0 default reserve --key 0xa -t write-exclusive
    reserve 28 other reserve --key 0xb -t write-exclusive
    expect_err "LUN 0: RESERVATION CONFLICT: key 0xa holds the reservation, write-exclusive"
    holder_stays "at first"
    lio_disable
    wait_until 60 eval '! both_are_up' || fail "LIO keeps its sessions"
    lio_enable
    holder_stays "after a lost path"
    reserve 0 default register --key 0xa --new-key 0xc
    kill -9 "$iscsid_pid"
    wait "$iscsid_pid" 2>/dev/null
    start_iscsid
    holder_stays "after a killed daemon"
    reserve 0 default register --key 0xc --new-key 0xd
    reserve 0 other preempt-abort --key 0xb --victim-key 0xd -t write-exclusive
    write_to other || fail "who has preempted cannot write"
    ! write_to default || fail "who was preempted writes"
    reserve 0 other clear --key 0xb
    write_to default || fail "nothing is reserved, and no write"
    log_out
    expect_exit 0 iscsiadm -m node -I other -o delete
}

start_lio
lio_disk d0 32M
lio_map d0 0
use_driver "${1:-auto}"
start_iscsid
discover
check_reservations
check_chap
check_digests
check_modes
! grep -qF -e "$SECRET" -e "$TARGET_SECRET" "$WORK/iscsid.log" || fail "a secret is in the log"
