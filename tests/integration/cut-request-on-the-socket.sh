#!/usr/bin/env bash
# Requests that are cut, empty, too large or not JSON never disturb the daemon.
. "$(dirname "$0")/../support/functions.sh"
requires socat
start_iscsid
send() { socat -t 2 - "UNIX-CONNECT:$ISCSID_SOCKET" 2>/dev/null | tr '\0' '\n'; }
printf '{"method":"org.iscsi-userland.iscsid.Log' | send >"$WORK/out"
[ ! -s "$WORK/out" ] || fail "an answer to half a request: $(cat "$WORK/out")"
printf 'not json\0' | send >/dev/null
printf '{"method":"org.iscsi-userland.iscsid.Login","parameters":{"nodes":7}}\0' | send >"$WORK/out"
grep -q error "$WORK/out" || fail "no error for wrong parameters: $(cat "$WORK/out")"
printf '{"method":"org.varlink.service.GetInfo"}\0' | send >"$WORK/out"
grep -q org.iscsi-userland.iscsid "$WORK/out" || fail "GetInfo: $(cat "$WORK/out")"
head -c 8000000 /dev/zero | tr '\0' 'a' | send >/dev/null
expect_exit 21 iscsiadm -m session
kill -0 "$iscsid_pid" || fail "iscsid died"
