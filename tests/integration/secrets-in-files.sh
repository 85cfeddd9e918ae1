#!/usr/bin/env bash
# CHAP secrets outside of the records: in files and in credentials of systemd, one-way and mutual, for
# discoveries, logins and running sessions. What a bad file costs, and that no secret is in a record, in
# what is shown, in the log or in an argument.
. "$(dirname "$0")/../support/functions.sh"
requires_root
account() { tgtadm --lld iscsi --mode account "$@" || fail "tgtadm account $*"; }
set_auth() { expect_exit 0 iscsiadm -m node -o update -n "node.session.auth.$1" -v "$2"; }
put() { (umask 077 && printf '%s\n' "$2" >"$WORK/$1.new" && mv "$WORK/$1.new" "$WORK/$1"); }
refused() { # EXIT-CODE WORDS
    expect_exit "$1" iscsiadm -m node -l
    expect_err "$2"
    expect_exit 21 iscsiadm -m session
}
log_in_and_out() {
    expect_exit 0 iscsiadm -m node -l
    expect_no_err
    expect_exit 0 iscsiadm -m session
    log_out
}
start_target
add_target 1 "$TARGET_NAME" 8M
account --op new --user alice --password "$SECRET"
account --op bind --tid 1 --user alice
cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/"
echo "iscsid.disk.driver = none" >>"$ISCSI_CONFIG_DIR/iscsid.conf"
mkdir -m 700 "$WORK/credentials"
CREDENTIALS_DIRECTORY=$WORK/credentials start_iscsid
discover
set_auth username alice

# What a bad file costs: this login, with its reason.
set_auth password_file "$WORK/ours"
refused 24 "node.session.auth.password_file: cannot be read, got $WORK/ours: No such file or directory"
put ours "$SECRET"
chmod 640 "$WORK/ours"
refused 24 "open to group or others, got $WORK/ours with mode 0640"
expect_exit 6 iscsid --check
expect_out "node.session.auth.password_file: open to group or others"
chmod 600 "$WORK/ours"
put ours ''
refused 24 "no secret in it, got $WORK/ours"
set_auth password something-else
refused 7 "the secret is in the record, too"
set_auth password ''

# One-way, from a file and from a credential.
put ours "$SECRET"
log_in_and_out
expect_exit 0 iscsid --check
set_auth password_file chap
refused 24 "cannot be read, got $WORK/credentials/chap"
put credentials/chap "$SECRET"
log_in_and_out
expect_exit 1 iscsid --check
expect_out "'chap' is a credential of systemd, which only iscsid.service has"

# Mutual; the wrong one of the two is known as such.
account --op new --user disk --password "$TARGET_SECRET"
account --op bind --tid 1 --user disk --outgoing
set_auth username_in disk
set_auth password_in_file "$WORK/theirs"
refused 24 "node.session.auth.password_in_file: cannot be read"
put theirs not-of-the-disk1
refused 19 "a wrong response, expected that of the target's secret"
put theirs "$TARGET_SECRET"
log_in_and_out

# A secret that changes while the session runs: it is told, and comes back with the new one.
expect_exit 0 iscsiadm -m node -l
sid=$(iscsiadm -m session | sed -n 's/^tcp: \[\([0-9]*\)\].*/\1/p')
account --op unbind --tid 1 --user alice
account --op delete --user alice
account --op new --user alice --password another-secret-1
account --op bind --tid 1 --user alice
put ours another-secret-1
expect_exit 0 iscsiadm -m session -r "$sid" -o update -n node.session.auth.password_file -v "$WORK/ours"
tgtadm --lld iscsi --op delete --mode conn --tid 1 --sid "$(tgtadm --lld iscsi --op show --mode conn --tid 1 |
    sed -n 's/^Session: //p')" --cid 0 || fail "the connection cannot be cut"
wait_until 20 grep -q "is operational after recovery" "$WORK/iscsid.log" || fail "it does not come back"

expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -o show -S
expect_out "node.session.auth.password_file = $WORK/ours"
cp "$WORK/out" "$WORK/shown"
for text in "$SECRET" "$TARGET_SECRET" another-secret-1; do
    ! grep -rqF -- "$text" "$WORK/shown" "$WORK/iscsid.log" "$ISCSI_DATABASE_DIR" || fail "'$text' is shown or stored"
done
log_out

# A discovery asks for its own, mutually; istgt insists on both.
start_istgt "CHAP Mutual"
printf 'discovery.sendtargets.auth.%s\n' "username = alice" "password_file = $WORK/ours" "username_in = disk" \
    "password_in_file = $WORK/theirs" >>"$ISCSI_CONFIG_DIR/iscsid.conf"
kill -HUP "$iscsid_pid"
wait_until 10 grep -q "settings are read again" "$WORK/iscsid.log" || fail "SIGHUP is not heard"
expect_exit 24 iscsiadm -m discovery -t st -p "$PORTAL"
put ours "$SECRET"
expect_exit 0 iscsiadm -m discovery -t st -p "$PORTAL"
rm "$WORK/theirs"
expect_exit 24 iscsiadm -m discovery -t st -p "$PORTAL"
expect_err "discovery.sendtargets.auth.password_in_file: cannot be read"
