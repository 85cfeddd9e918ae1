#!/usr/bin/env bash
# CHAP one-way and mutual with tgtd: right and wrong secrets, the words and exit codes 24 and 19.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires fio
account() { tgtadm --lld iscsi --mode account "$@" || fail "tgtadm account $*"; }
set_auth() {
    while [ $# -gt 0 ]; do
        expect_exit 0 iscsiadm -m node -o update -n "node.session.auth.$1" -v "$2"
        shift 2
    done
}
start_target
add_target 1 "$TARGET_NAME" 64M
account --op new --user alice --password "$SECRET"
account --op bind --tid 1 --user alice
start_iscsid
discover

expect_exit 24 iscsiadm -m node -l
expect_err "initiator reported error (24 - iSCSI login failed due to authorization failure)"
set_auth authmethod CHAP username alice password not-the-secret-1
expect_exit 24 iscsiadm -m node -l
set_auth password "$SECRET"
log_in_again() {
    expect_exit 0 iscsiadm -m node -l
    mapfile -t disk < <(disks)
}
log_in_again
expect_exit 0 iscsiadm -m session -P 2
expect_out "username: alice"
! grep -rqF "$SECRET" "$WORK/iscsid.log" "$WORK/out" || fail "the secret was shown"
verify_disk "${disk[0]}"
log_out

account --op new --user disk --password "$TARGET_SECRET"
account --op bind --tid 1 --user disk --outgoing
set_auth username_in disk password_in not-of-the-disk1
expect_exit 19 iscsiadm -m node -l
expect_err "initiator reported error (19 - encountered non-retryable iSCSI login failure)"
set_auth password_in "$TARGET_SECRET"
log_in_again
verify_disk "${disk[0]}"
log_out
