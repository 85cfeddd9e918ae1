#!/usr/bin/env bash
# Discovery of a portal where nobody listens: the words and the exit code of open-iscsi.
. "$(dirname "$0")/../support/functions.sh"
start_iscsid
PORT=$(free_port)
expect_exit 11 iscsiadm -m discovery -t st -p "127.0.0.1:$PORT"
[ "$(grep -cx 'iscsiadm: cannot make connection to 127.0.0.1: Connection refused' "$WORK/err")" -eq 6 ] ||
    fail "six tries expected: $(cat "$WORK/err")"
expect_err "iscsiadm: connection login retries (reopen_max) 5 exceeded"
expect_err "iscsiadm: Could not perform SendTargets discovery: iSCSI PDU timed out"
expect_exit 4 iscsiadm -m discovery -t st -p no-such-host.invalid
expect_err "cannot resolve host name no-such-host.invalid"
