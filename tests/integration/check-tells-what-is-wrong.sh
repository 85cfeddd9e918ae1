#!/usr/bin/env bash
# iscsid --check: a line for each finding of iscsid.conf, initiatorname.iscsi and the records, without a
# daemon and without a change; the exit code says how bad it is.
. "$(dirname "$0")/../support/functions.sh"
conf=$ISCSI_CONFIG_DIR/iscsid.conf
cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$conf"
echo "InitiatorName=$INITIATOR_NAME" >"$ISCSI_CONFIG_DIR/initiatorname.iscsi"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p 192.0.2.1:3260,1 -o new
expect_exit 0 iscsiadm -m discoverydb -t st -p 192.0.2.1 -o new
expect_exit 0 iscsiadm -m iface -I one -o new

checked() { find "$ISCSI_CONFIG_DIR" "$ISCSI_DATABASE_DIR" "$ISCSID_RUNTIME_DIR" -printf '%p %T@ %s\n' | sort; }
before=$(checked)
expect_exit 0 iscsid --check
expect_out "0 errors, 0 warnings: "
expect_out "1 node, 1 discovery, 1 interface in $ISCSI_DATABASE_DIR"
expect_no_err
[ "$(grep -vc '^note: ' "$WORK/out")" -eq 1 ] || fail "one line: $(cat "$WORK/out")"
[ "$before" = "$(checked)" ] || fail "something was changed"

echo "no seed" >"$ISCSI_DATABASE_DIR/.isid-seed"
expect_exit 1 iscsid --check
expect_out "warning: $ISCSI_DATABASE_DIR/.isid-seed: expected 32 hexadecimal digits"
rm "$ISCSI_DATABASE_DIR/.isid-seed"

# Flaws that the daemon lives with, in a file that is named.
cp "$conf" "$WORK/other.conf"
at=$(($(wc -l <"$conf") + 1))
printf '%s\n' 'node.session.cmds_max = 4096' 'node.strtup = automatic' >>"$WORK/other.conf"
expect_exit 1 iscsid --check -c "$WORK/other.conf"
expect_out "warning: $WORK/other.conf:$at: node.session.cmds_max: out of range, got 4096, expected "
expect_out "warning: $WORK/other.conf:$((at + 1)): node.strtup: bad key"
expect_out "0 errors, 2 warnings: $WORK/other.conf"
expect_exit 0 iscsid --check
expect_exit 6 iscsid --check -c "$WORK/none.conf"
expect_out "error: $WORK/none.conf: not found"
expect_exit 7 iscsid --check --no-such-option

# A line without "=" may be a secret, and a file may hold anything: neither gets to a terminal.
printf 'node.session.auth.password topsecret123\nanothersecret\n\033[31mnode.foo = bad\nnode.\033]0;x\007 = y\n' \
    >>"$WORK/other.conf"
expect_exit 1 iscsid --check -c "$WORK/other.conf"
expect_out "line without an equals sign, got node.session.auth.password, expected"
expect_out "line without an equals sign, got 13 bytes, expected"
! grep -qE 'secret1|anothers' "$WORK/out" || fail "a secret is printed: $(cat "$WORK/out")"
! LC_ALL=C grep -q $'[\001-\010\013-\037]' "$WORK/out" || fail "control characters: $(cat -v "$WORK/out")"
"$BUILD/iscsid/iscsid" --check >/dev/full 2>"$WORK/err" && fail "findings that nobody can read are none"
grep -q "cannot be printed" "$WORK/err" || fail "no word of it: $(cat "$WORK/err")"

# A daemon that is there is not asked, and a group that is not there is found.
echo 'iscsid.ipc_group = nobody-has-this-group' >>"$conf"
expect_exit 6 iscsid --check
expect_out "error: $conf: iscsid.ipc_group = nobody-has-this-group: there is no such group"
sed -i '/^iscsid.ipc_group/d' "$conf"

# What a login would be refused for is the same line at both.
record=$ISCSI_DATABASE_DIR/nodes/$TARGET_NAME/192.0.2.1,3260,1/default
sed -i 's/^node.session.nr_sessions = .*/node.session.nr_sessions = many/' "$record"
expect_exit 6 iscsid --check
line=$(sed -n "s|^error: \($record:[0-9]*: .*\)|\1|p" "$WORK/out")
[ -n "$line" ] || fail "no line of the record: $(cat "$WORK/out")"
start_iscsid
expect_exit 7 iscsiadm -m node -T "$TARGET_NAME" -p 192.0.2.1 -l
expect_err "$line"
stop_iscsid
sed -i 's/^node.session.nr_sessions = .*/node.session.nr_sessions = 1/; s/^iface.transport_name = .*/iface.transport_name = iser/' "$record"
expect_exit 6 iscsid --check
expect_out "error: $record: iface.transport_name: transport not supported, got iser, expected tcp"

# CHAP that no login can succeed with, and a word that is not heard.
sed -i 's/^iface.transport_name = .*/iface.transport_name = tcp/' "$record"
set_auth() {
    sed -i '/^node.session.auth/d' "$record"
    for setting in "$@"; do sed -i "/^node.name/a node.session.auth.$setting" "$record"; done
}
set_auth "username_in = a" "password_in = secret-of-target"
expect_exit 6 iscsid --check
expect_out "error: $record: node.session.auth: "
set_auth "password = secret-of-mine" "username_in = a"
expect_exit 6 iscsid --check
set_auth "password = the-same-secret" "password_in = the-same-secret"
expect_exit 6 iscsid --check
expect_out "one secret for both directions"
set_auth "authmethod = CHAP"
expect_exit 1 iscsid --check
expect_out "warning: $record: node.session.auth.authmethod: a password switches CHAP on, got none"
set_auth "password = secret-of-mine"
expect_exit 0 iscsid --check

# What is no folder of records.
touch "$ISCSI_DATABASE_DIR/nodes/stray"
expect_exit 1 iscsid --check
expect_out "nodes/stray"
rm "$ISCSI_DATABASE_DIR/nodes/stray"
mv "$ISCSI_DATABASE_DIR/ifaces" "$WORK/ifaces" && touch "$ISCSI_DATABASE_DIR/ifaces"
expect_exit 6 iscsid --check
expect_out "a folder of records"
rm "$ISCSI_DATABASE_DIR/ifaces" && mv "$WORK/ifaces" "$ISCSI_DATABASE_DIR/ifaces"

# Users without the right to read are told so.
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
chmod 711 "$WORK"
if [ "$(id -u)" -eq 0 ] && as_nobody iscsid --version >/dev/null 2>&1; then
    chmod 700 "$ISCSI_DATABASE_DIR/nodes"
    expect_exit 6 as_nobody iscsid --check
    expect_out "nodes: cannot be read"
fi

# A filter of discoveries that is none.
printf '\ndiscovery.sendtargets.filter.portal = 10.0.0.0/99\n' >"$WORK/filter.conf"
expect_exit 6 iscsid --check -c "$WORK/filter.conf"
expect_out "error: $WORK/filter.conf:2: discovery.sendtargets.filter.portal: "
