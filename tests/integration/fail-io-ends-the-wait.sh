#!/usr/bin/env bash
# A reader whose target is gone gets its error when somebody asks, without a logout and long before
# the end of replacement_timeout; the session goes on, and works when the target is back.
. "$(dirname "$0")/../support/functions.sh"
requires_root
requires qemu-io
start_target
add_target 1 "$TARGET_NAME" 64M
cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/"
{
    echo "iscsid.disk.driver = export"
    echo "node.session.timeo.replacement_timeout = 86400"
} >>"$ISCSI_CONFIG_DIR/iscsid.conf"
start_iscsid
log_in

uri="nbd+unix:///?socket=$ISCSID_RUNTIME_DIR/nbd/$TARGET_NAME-lun-1.sock"
reads() { timeout 20 qemu-io -r -f raw -c "read -P 0 0 4k" "$uri" >"$WORK/read" 2>&1; }
state_is() { iscsiadm -m session -P 1 | grep -qF "iSCSI Connection State: $1"; }

# There is a connection: nothing waits for one.
expect_exit 16 iscsiadm -m session -r 1 --fail-io
expect_err "Could not end the waiting I/O of session [sid: 1, target: $TARGET_NAME,"
expect_err "nothing waits for a connection"
reads || fail "the disk cannot be read: $(cat "$WORK/read")"

export TARGET_PORT=$PORT
stop_target
wait_until 20 state_is "TRANSPORT WAIT"
reads_to_an_error() { timeout 60 qemu-io -r -f raw -c "read 0 4k" "$uri" >"$WORK/waiting" 2>&1; }
reads_to_an_error &
reader=$!
# Readers do wait: another one does, for as long as it is let.
expect_exit 124 timeout 3 qemu-io -r -f raw -c "read 0 4k" "$uri"
kill -0 "$reader" || fail "the reader does not wait: $(cat "$WORK/waiting")"
expect_exit 0 iscsiadm -m session -r 1 --fail-io
expect_out "Ending the waiting I/O of session [sid: 1, target: $TARGET_NAME,"
expect_out "commands have failed"
expect_no_err
is_over() { ! kill -0 "$reader" 2>/dev/null; }
wait_until 20 is_over || fail "the reader still waits: $(cat "$WORK/waiting")"
wait "$reader"
grep -qi "error" "$WORK/waiting" || fail "the reader got no error: $(cat "$WORK/waiting")"
grep -q "asked not to wait for the target" "$WORK/iscsid.log" || fail "no line in the log"

# Nothing waits any more: asked again it is done already.
expect_exit 0 iscsiadm -m session -r 1 --fail-io
expect_out "0 commands have failed"
[ "$(grep -c "asked not to wait" "$WORK/iscsid.log")" = 1 ] || fail "told more than once"
expect_exit 0 iscsiadm -m session -r 1 --fail-io --json
expect_out '"outcome":"io_failed"'
expect_out '"commands":0'

start_target
add_target 1 "$TARGET_NAME" 64M
wait_until 60 state_is "LOGGED IN"
wait_until 20 reads || fail "no I/O after the target is back: $(cat "$WORK/read")"
expect_exit 7 iscsiadm -m session --fail-io
expect_err "goes with -r SID and nothing else"
log_out
