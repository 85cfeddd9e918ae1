#!/usr/bin/env bash
# A portal that breaks the protocol in its answer to SendTargets: the reason is told once, to the caller and in
# the log, nothing is tried again in vain, what can be read of the answer is recorded, and other portals are
# discovered as ever.
. "$(dirname "$0")/../support/functions.sh"
start_test_target
bad=$PORTAL bad_target=$test_target_pid
mv "$WORK/test-control" "$WORK/bad-control"
start_test_target
good=$PORTAL
start_iscsid

misbehave() {
    local line
    "$BUILD/tests/support/test-target" --tell "$WORK/bad-control" forget >/dev/null
    for line in "$@"; do
        "$BUILD/tests/support/test-target" --tell "$WORK/bad-control" "fault $line" >/dev/null || fail "$line"
    done
    : >"$WORK/iscsid.log"
}

# is_told WORDS: one line on stderr, and one in the log, before the one of the exit code.
is_told() {
    [ "$(grep -cF -- "$1" "$WORK/err")" -eq 1 ] || fail "not told once: '$1': $(cat "$WORK/err")"
    [ "$(grep -cF -- "$1" "$WORK/iscsid.log")" -eq 1 ] || fail "not once in the log: '$1': $(cat "$WORK/iscsid.log")"
}

# ends_at_once WORDS: with 11. A fault of the first PDU alone shows that there is no second try, which would succeed.
ends_at_once() {
    expect_exit 11 iscsiadm -m discovery -t st -p "$bad"
    is_told "discovery at 127.0.0.1: $1"
    expect_err "iscsiadm: Could not perform SendTargets discovery: iSCSI PDU timed out"
    [ "$(wc -l <"$WORK/err")" -eq 2 ] || fail "more than two lines: $(cat "$WORK/err")"
    [ ! -e "$ISCSI_DATABASE_DIR/nodes" ] || [ -z "$(ls "$ISCSI_DATABASE_DIR/nodes")" ] || fail "records were made"
}

# A Reject; and a discovery of another portal beside it.
misbehave "text-request 1: reject 4"
iscsiadm -m discovery -t st -p "$good" -o nonpersistent >"$WORK/beside" 2>&1 &
beside=$!
ends_at_once "SendTargets: Reject reason: the target rejected a PDU, got 0x04 (protocol error), expected none"
wait $beside || fail "beside it: $(cat "$WORK/beside")"
grep -q "$TARGET_NAME" "$WORK/beside" || fail "beside it: $(cat "$WORK/beside")"

# An answer without end, a PDU that answers nothing, and bytes that are no text.
misbehave "text-response: set flags 0x40" "text-response: set ttt 5"
ends_at_once "SendTargets: Text Response: text answer too long, got "
misbehave "text-response 1: raw" "text-response 1: set opcode 0x26"
ends_at_once "SendTargets: opcode: PDU not expected now, got Logout Response"
misbehave 'text-response 1: raw \xff\x01\x02'
ends_at_once "the answer to SendTargets names no target that can be read: text key: not terminated, got ???"

# A Reject for now is one try of several.
misbehave "text-request 1: reject 0x06"
expect_exit 0 iscsiadm -m discovery -t st -p "$bad" -o nonpersistent
is_told "got 0x06 (too many immediate commands)"

# What stands around something unreadable is recorded, each with its own portals.
name=iqn.2026-01.org.example
misbehave "text-response: raw TargetAddress=10.0.0.9:3260,1\0TargetName=$name:a\0TargetAddress=10.0.0.1:3260,1\0\
\xfe\xed\0TargetAddress=10.0.0.2:3260,1\0bad/key=1\0TargetName=$name:b\0TargetAddress=10.0.0.3:3260,1\0\
TargetName$name:c\0TargetAddress=10.0.0.4:3260,1\0TargetName=$name:d\0TargetAddress=10.0.0.5:3260,1\0TargetAddress=10."
expect_exit 0 iscsiadm -m discovery -t st -p "$bad"
printf '%s\n' "10.0.0.1:3260,1 $name:a" "10.0.0.2:3260,1 $name:a" "10.0.0.3:3260,1 $name:b" "10.0.0.5:3260,1 $name:d" |
    diff - "$WORK/out" || fail "another list"
is_told "left out: TargetAddress: address without a target, got 10.0.0.9:3260,1"
is_told "left out: text key: no equals sign, got ??, expected key=value"
is_told "left out: text key: bad key name, got bad/key, expected "
is_told "left out: text key: no equals sign, got TargetName$name:c, "
is_told "left out: text key of $name:d: not terminated, got TargetAddress=10., expected a NUL"
[ "$(wc -l <"$WORK/err")" -eq 5 ] || fail "more than five lines: $(cat "$WORK/err")"
[ "$(find "$ISCSI_DATABASE_DIR/nodes" -name default | wc -l)" -eq 4 ] || fail "not four records"

# Afterwards it is a portal like others.
misbehave
expect_exit 0 iscsiadm -m discovery -t st -p "$bad"
expect_no_err
expect_exit 0 iscsiadm -m discovery -t st -p "$good"
expect_no_err
stop_test_target
test_target_pid=$bad_target
stop_test_target
