#!/usr/bin/env bash
# -m session -r SID -o update: timeouts hold at once, even for a reader that waits already; CHAP at the
# next login of the session, which then comes back to a target with another secret. Other sessions of the
# same record, and other keys of it, stay as they are.
. "$(dirname "$0")/../support/functions.sh"
requires_root
requires qemu-io
account() { tgtadm --lld iscsi --mode account "$@" || fail "tgtadm account $*"; }
start_with_secret() {
    start_target
    add_target 1 "$TARGET_NAME" 64M
    account --op new --user alice --password "$1"
    account --op bind --tid 1 --user alice
}
start_with_secret "$SECRET"
cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/"
{
    echo "iscsid.disk.driver = export"
    echo "node.session.timeo.replacement_timeout = 86400"
    echo "node.session.auth.username = alice"
    echo "node.session.auth.password = $SECRET"
} >>"$ISCSI_CONFIG_DIR/iscsid.conf"
start_iscsid
discover
expect_exit 0 iscsiadm -m node -l
expect_exit 0 iscsiadm -m session -r 1 -o new

update() {
    local sid=$1
    shift
    expect_exit 0 iscsiadm -m session -r "$sid" -o update "$@"
    expect_no_err
    [ ! -s "$WORK/out" ] || fail "something on stdout: $(cat "$WORK/out")"
}
shows() {
    expect_exit 0 iscsiadm -m session -r "$1" -P 2
    expect_out "$2"
}

# Only that session, only that key, though the record says more by now.
expect_exit 0 iscsiadm -m node -o update -n node.session.err_timeo.abort_timeout -v 33
update 1 -n node.session.timeo.replacement_timeout -v 3000 -n node.session.err_timeo.lu_reset_timeout -v 44
shows 1 "Recovery Timeout: 3000"
shows 1 "LUN Reset Timeout: 44"
shows 1 "Abort Timeout: 15"
shows 2 "Recovery Timeout: 86400"
shows 2 "LUN Reset Timeout: 30"
grep -q "session 1 .*replacement_timeout is as its record says, from now on" "$WORK/iscsid.log" || fail "nothing in the log"

# What only a new session takes is said to people, and in the document.
expect_exit 0 iscsiadm -m session -r 1 -o update -n node.session.cmds_max -v 64 -n node.session.queue_depth -v 8 --json
expect_out '"later":["node.session.cmds_max"]'
expect_out '"now":["node.session.queue_depth"]'

# A reader that waits for a target that is gone, for days: until somebody says that it is long enough.
uri="nbd+unix:///?socket=$ISCSID_RUNTIME_DIR/nbd/$TARGET_NAME-lun-1.sock"
reads() { timeout 20 qemu-io -r -f raw -c "read -P 0 0 4k" "$uri" >"$WORK/read" 2>&1; }
state_is() { iscsiadm -m session -r 1 -P 1 | grep -qF "iSCSI Connection State: $1"; }
reads || fail "the disk cannot be read: $(cat "$WORK/read")"
export TARGET_PORT=$PORT
stop_target
wait_until 20 state_is "TRANSPORT WAIT"
timeout 120 qemu-io -r -f raw -c "read 0 4k" "$uri" >"$WORK/waiting" 2>&1 &
reader=$!
expect_exit 124 timeout 3 qemu-io -r -f raw -c "read 0 4k" "$uri"
kill -0 "$reader" || fail "the reader does not wait: $(cat "$WORK/waiting")"
update 1 -n node.session.timeo.replacement_timeout -v 1
is_over() { ! kill -0 "$reader" 2>/dev/null; }
wait_until 20 is_over || fail "the reader still waits: $(cat "$WORK/waiting")"
wait "$reader"
grep -qi "error" "$WORK/waiting" || fail "the reader got no error: $(cat "$WORK/waiting")"
update 1 -n node.session.timeo.replacement_timeout -v 86400

# The target comes back with another secret.
start_with_secret "another-secret-2"
refused() { grep -qi "session 1 .*auth" "$WORK/iscsid.log"; }
wait_until 60 refused || fail "the target takes the old secret"
update 1 -n node.session.auth.password -v "another-secret-2"
wait_until 60 state_is "LOGGED IN"
wait_until 20 reads || fail "no I/O after the target is back: $(cat "$WORK/read")"
! grep -qF "another-secret-2" "$WORK/iscsid.log" || fail "the secret is in the log"
update 2 -n node.session.auth.password -v "another-secret-2"
all_are_in() { [ "$(iscsiadm -m session -P 1 | grep -c "iSCSI Connection State: LOGGED IN")" -eq 2 ]; }
wait_until 60 all_are_in || fail "the second session is not back"

# What the record cannot take changes nothing.
expect_exit 7 iscsiadm -m session -r 1 -o update -n node.session.queue_depth -v many
expect_exit 22 iscsiadm -m session -r 99 -o update -n node.session.queue_depth -v 8
log_out
