#!/usr/bin/env bash
# Without a daemon: the words of open-iscsi and exit code 20 where one is needed, at once; 21 where no
# session can exist. One whose socket is gone is named, and what it has is not said to be nothing. A daemon that is stopped is named within 10 s, discovery included.
. "$(dirname "$0")/../support/functions.sh"
echo "InitiatorName=$INITIATOR_NAME" >"$ISCSI_CONFIG_DIR/initiatorname.iscsi"
expect_exit 20 timeout 20 iscsiadm -m discovery -t st -p 127.0.0.1:3260
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p 127.0.0.1:3260,1 -o new
expect_exit 20 timeout 20 iscsiadm -m node -l
expect_err "iscsid is not running."
expect_err "there is no socket $ISCSID_SOCKET"
expect_err "systemctl start iscsid.socket"
expect_exit 21 timeout 20 iscsiadm -m session
expect_err "No active sessions."

start_iscsid
kill -STOP "$iscsid_pid"
for wish in "session" "node -l" "discovery -t st -p 127.0.0.1:3260"; do
    # shellcheck disable=SC2086 # words
    expect_exit 33 timeout 10 iscsiadm -m $wish
    expect_err "iscsid (process $iscsid_pid) is stopped"
done
kill -CONT "$iscsid_pid"
expect_exit 21 iscsiadm -m session

# The socket is removed under it; another one is asked.
mv "$ISCSID_SOCKET" "$WORK/kept.sock"
for wish in "session" "node -u" "node -l" "node -o delete"; do
    # shellcheck disable=SC2086 # words
    expect_exit 20 iscsiadm -m $wish
    expect_err "there is no socket $ISCSID_SOCKET"
    expect_err "process $iscsid_pid (iscsid) has the lock of this socket"
done
mv "$WORK/kept.sock" "$ISCSID_SOCKET"
expect_exit 21 iscsiadm -m session
expect_exit 21 env ISCSID_SOCKET="$WORK/nowhere" iscsiadm -m session
[ "$(cat "$WORK/err")" = "iscsiadm: No active sessions." ] || fail "a program is told more: $(cat "$WORK/err")"
expect_exit 21 env ISCSID_SOCKET="$WORK/nowhere" iscsiadm -d 1 -m session
expect_err "there is no socket $WORK/nowhere"
expect_exit 0 iscsiadm -m node -o delete
