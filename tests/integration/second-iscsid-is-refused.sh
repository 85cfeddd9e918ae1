#!/usr/bin/env bash
# A second iscsid on the same socket or runtime folder says so and leaves the first one, and its disks,
# working.
. "$(dirname "$0")/../support/functions.sh"

# expect_refusal WORDS: of a daemon with the environment as it is now.
expect_refusal() {
    local status=0
    timeout 20 iscsid -f -n >"$WORK/out" 2>"$WORK/err" || status=$?
    [ $status -ne 0 ] && [ $status -ne 124 ] || fail "the second iscsid ended with $status"
    grep -qF "$1" "$WORK/err" || fail "the message does not have $1: $(cat "$WORK/err")"
}
start_iscsid
expect_refusal "$ISCSID_RUNTIME_DIR"
ISCSID_RUNTIME_DIR=$WORK/other expect_refusal "$ISCSID_SOCKET"
ISCSID_SOCKET=$WORK/other.sock expect_refusal "$ISCSID_RUNTIME_DIR: another iscsid works with this folder"
[ ! -e "$WORK/other.sock" ] || fail "the refused daemon has made a socket"
expect_exit 21 iscsiadm -m session
stop_iscsid
start_iscsid
kill -9 "$iscsid_pid"
wait "$iscsid_pid" 2>/dev/null
start_iscsid
expect_exit 21 iscsiadm -m session

requires_loop_disks
start_target
add_target 1 "$TARGET_NAME" 32M
log_in
dd if=/dev/urandom of="$WORK/data" bs=64k count=4 status=none
dd if="$WORK/data" of="${disk[0]}" bs=64k oflag=direct status=none
ISCSID_SOCKET=$WORK/other.sock expect_refusal "$ISCSID_RUNTIME_DIR"
dd if="${disk[0]}" bs=64k count=4 iflag=direct status=none | cmp - "$WORK/data" || fail "the disk of the first"
log_out
