#!/usr/bin/env bash
# A portal that talks something else: a clear end of login and discovery, no crash, no hang.
. "$(dirname "$0")/../support/functions.sh"
requires socat
start_iscsid
PORT=$(free_port)
printf 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\nServer: not-iscsi\r\n\r\n' >"$WORK/reply"
socat "TCP-LISTEN:$PORT,bind=127.0.0.1,fork,reuseaddr" "SYSTEM:cat $WORK/reply; sleep 1" 2>/dev/null &
socat_pid=$!
at_end "kill $socat_pid"
wait_until 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/$PORT" || fail "socat does not listen"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p "127.0.0.1:$PORT" -o new
expect_exit 19 timeout 100 iscsiadm -m node -T "$TARGET_NAME" -p "127.0.0.1:$PORT" -l
expect_err "initiator reported error (19 - encountered non-retryable iSCSI login failure)"
status=0
timeout 100 iscsiadm -m discovery -t st -p "127.0.0.1:$PORT" >"$WORK/out" 2>"$WORK/err" || status=$?
[ $status -ne 0 ] && [ $status -lt 34 ] || fail "discovery ended with $status"
expect_err "iscsiadm: Could not perform SendTargets discovery: "
kill -0 "$iscsid_pid" || fail "iscsid died"
