#!/usr/bin/env bash
# What distributions' manuals and wikis tell people to type, in their spelling and order: discovery, CHAP
# by iscsid.conf (after the login that fails without it), login, growth, logout.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
logged_in_line="Login to [iface: default, target: $TARGET_NAME, portal: 127.0.0.1,PORT] successful."
expect_login() { expect_out "${logged_in_line/PORT/$PORT}"; }
expect_sessions() { [ "$(iscsiadm -m session | wc -l)" -eq "$1" ] || fail "$1 sessions expected"; }

# ---- without CHAP ----
iscsi-iname -p iqn.2026-11.org.example >"$WORK/name"
grep -qE '^iqn\.2026-11\.org\.example:[0-9a-f]+$' "$WORK/name" || fail "iscsi-iname: $(cat "$WORK/name")"
echo "InitiatorName=$(cat "$WORK/name")" >"$ISCSI_CONFIG_DIR/initiatorname.iscsi"
start_test_target
start_iscsid
expect_exit 0 iscsiadm --mode discovery --op update --type sendtargets --portal "$PORTAL" --discover
expect_out "$PORTAL,1 $TARGET_NAME"
expect_exit 0 iscsiadm --mode discoverydb --type sendtargets --portal "$PORTAL" --discover
expect_out "$PORTAL,1 $TARGET_NAME"
expect_exit 0 iscsiadm --mode node
expect_out "$PORTAL,1 $TARGET_NAME"
iscsiadm --mode node --op show | less -F >"$WORK/shown" 2>/dev/null ||
    iscsiadm --mode node --op show | head -n 1 >"$WORK/shown" # a pager that ends early
grep -q '^# BEGIN RECORD' "$WORK/shown" || fail "node --op show: $(cat "$WORK/shown")"
expect_exit 0 iscsiadm --mode node --targetname="$TARGET_NAME" --portal="$PORTAL" --login
expect_login
expect_no_err
expect_exit 0 iscsiadm -m session -o show
expect_out "$PORTAL,1 $TARGET_NAME (non-flash)"

device=$(disks)
before=$(blockdev --getsize64 "$device")
tell_target "lun 0 size $(((before >> 20) + 8))" >/dev/null
expect_exit 0 iscsiadm -m node --targetname "$TARGET_NAME" -R
expect_no_err
grown() { [ "$(blockdev --getsize64 "$device")" -eq $((before + (8 << 20))) ]; }
wait_until 20 grown || fail "$device has $(blockdev --getsize64 "$device") bytes"

expect_exit 0 iscsiadm --mode node --targetname "$TARGET_NAME" --op update -n node.startup -v automatic
expect_exit 0 iscsiadm -m node -U all
expect_exit 0 iscsiadm -m node -L all
expect_login
expect_exit 15 iscsiadm --mode node --loginall=all
expect_exit 0 iscsiadm --mode node --logoutall=all
expect_sessions 0
expect_exit 0 iscsiadm -m node --loginall=automatic
expect_exit 0 iscsiadm --mode node --targetname "$TARGET_NAME" --portal "$PORTAL" -u
expect_exit 0 iscsiadm -m node -o delete -T "$TARGET_NAME"
expect_exit 0 iscsiadm --mode discoverydb --type sendtargets --portal "$PORTAL" --op delete
expect_exit 21 iscsiadm --mode node
stop_test_target

# ---- with CHAP ----
# configure KEY VALUE…: comments taken from the lines of iscsid.conf, as people do it.
configure() {
    while [ $# -gt 0 ]; do
        sed -i "s|^#* *$1 = .*|$1 = $2|" "$ISCSI_CONFIG_DIR/iscsid.conf"
        grep -qxF "$1 = $2" "$ISCSI_CONFIG_DIR/iscsid.conf" || fail "iscsid.conf has no line for $1"
        shift 2
    done
}
session=node.session.auth discovery=discovery.sendtargets.auth

start_test_target --chap-user alice --chap-secret "$SECRET" --no-discovery-chap
expect_exit 0 iscsiadm -m discovery -t st -p "$PORTAL"
expect_exit 24 iscsiadm -m node -l
expect_err "iscsiadm: Could not login to [iface: default, target: $TARGET_NAME, portal: 127.0.0.1,$PORT]."
expect_err "iscsiadm: initiator reported error (24 - iSCSI login failed due to authorization failure)"
configure $session.authmethod CHAP $session.username alice $session.password "$SECRET"
expect_exit 24 iscsiadm -m node -l # the record is of before
expect_exit 0 iscsiadm -m discovery -t st -p "$PORTAL"
expect_exit 0 iscsiadm -m node -l
expect_login
expect_exit 0 iscsiadm -m node -u
expect_exit 0 iscsiadm -m node -o delete
stop_test_target

start_test_target --chap-user alice --chap-secret "$SECRET" \
    --chap-own-name disk --chap-own-secret "$TARGET_SECRET"
expect_exit 24 iscsiadm -m discovery -t st -p "$PORTAL"
expect_err "iscsiadm: Could not perform SendTargets discovery: iSCSI login failed due to authorization failure"
# By the record of the discovery, as manuals for one portal have it.
expect_exit 0 iscsiadm -m discoverydb -t st -p "$PORTAL" -o update \
    -n $discovery.authmethod -v CHAP -n $discovery.username -v alice -n $discovery.password -v "$SECRET"
expect_exit 0 iscsiadm -m discoverydb -t st -p "$PORTAL" -D
# By iscsid.conf, both ways; first with a secret of the target that is not its own.
configure $discovery.authmethod CHAP $discovery.username alice $discovery.password "$SECRET" \
    $session.username_in disk $session.password_in not-of-the-target
expect_exit 0 iscsiadm -m discovery -t st -p "$PORTAL"
expect_exit 19 iscsiadm -m node -l
expect_err "iscsiadm: initiator reported error (19 - encountered non-retryable iSCSI login failure)"
configure $session.password_in "$TARGET_SECRET"
expect_exit 0 iscsiadm -m discovery -t st -p "$PORTAL"
expect_exit 0 iscsiadm -m node -l
expect_login
expect_exit 0 iscsiadm -m session -P 2
expect_out "username_in: disk"
if grep -rqF -e "$SECRET" -e "$TARGET_SECRET" "$WORK/iscsid.log" "$WORK/out"; then fail "a secret was shown"; fi
expect_exit 0 iscsiadm -m node -u
stop_test_target
