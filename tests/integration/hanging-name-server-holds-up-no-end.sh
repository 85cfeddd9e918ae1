#!/usr/bin/env bash
# A name server that says nothing, while a login waits for the address of its portal: the daemon ends all the
# same, long before the name service gives up. Root, for a mount namespace with its own resolv.conf.
if [ "$(id -u)" -eq 0 ] && [ -z "${IN_OWN_NAMESPACE:-}" ]; then
    IN_OWN_NAMESPACE=yes exec "$(dirname "$0")/../support/own-mounts" bash "$0" "$@"
fi
. "$(dirname "$0")/../support/functions.sh"
requires_root
requires socat
silence=127.0.0.77

socat -u "UDP4-RECV:53,bind=$silence" "OPEN:$WORK/asked,creat,append" &
silence_pid=$!
at_end "kill $silence_pid 2>/dev/null"
printf 'nameserver %s\noptions timeout:30 attempts:5\n' "$silence" >"$WORK/resolv.conf"
mount --bind "$WORK/resolv.conf" /etc/resolv.conf || skip "no mount over /etc/resolv.conf"
start_iscsid
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p portal.example.org:3260 -o new
iscsiadm -m node -T "$TARGET_NAME" -p portal.example.org:3260 -l >"$WORK/login" 2>&1 &
login_pid=$!
wait_until 20 test -s "$WORK/asked" || fail "the name server is not asked"
kill "$iscsid_pid"
wait_until 20 eval "! kill -0 $iscsid_pid" || fail "the daemon waits for the name server"
wait "$iscsid_pid" || fail "the daemon has ended with $?"
iscsid_pid=''
wait "$login_pid" && fail "the login has succeeded"
grep -q "the name service does not answer" "$WORK/iscsid.log" || fail "no word of why threads were left"
echo "nobody waited for the name server"
