#!/usr/bin/env bash
# An iscsid.conf with a value that its key does not take: named with file, line, key and what was expected.
. "$(dirname "$0")/../support/functions.sh"
start_iscsid
stop_iscsid
echo 'node.startup = sometimes' >>"$ISCSI_CONFIG_DIR/iscsid.conf"
line=$(wc -l <"$ISCSI_CONFIG_DIR/iscsid.conf")
expect_exit 7 iscsid -f -n
for word in "$ISCSI_CONFIG_DIR/iscsid.conf" "$line" node.startup sometimes automatic; do
    grep -qF -- "$word" "$WORK/err" || fail "the message lacks '$word': $(cat "$WORK/err")"
done
[ ! -S "$ISCSID_SOCKET" ] || fail "it left a socket"
