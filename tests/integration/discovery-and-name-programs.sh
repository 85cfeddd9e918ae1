#!/usr/bin/env bash
# iscsi_discovery and iscsi-gen-initiatorname: options, words and exit codes of open-iscsi's programs of these
# names; what is there already is left alone.
. "$(dirname "$0")/../support/functions.sh"
requires_root
export ISCSIADM=iscsiadm ISCSI_INAME=iscsi-iname ISCSI_SYSFS_DIR=$WORK/sys ISCSI_KERNEL_COMMAND_LINE=$WORK/cmdline
install -D -t "$WORK/bin" "$BUILD"/etc/open-iscsi/iscsi{_discovery,-gen-initiatorname}
export PATH=$WORK/bin:$PATH
name_file=$ISCSI_CONFIG_DIR/initiatorname.iscsi

# ---- iscsi-gen-initiatorname ----

expect_name() { grep -qxE "InitiatorName=$1" "$name_file" || fail "expected $1: $(cat "$name_file")"; }

# Its place has the file and nothing half-made.
expect_nothing_else() {
    [ "$(ls -A "$ISCSI_CONFIG_DIR")" = initiatorname.iscsi ] || fail "left: $(ls -A "$ISCSI_CONFIG_DIR")"
}

echo "quiet root=/dev/sda1" >"$ISCSI_KERNEL_COMMAND_LINE"
expect_exit 0 iscsi-gen-initiatorname
expect_no_err
expect_name 'iqn\.2016-04\.com\.open-iscsi:[0-9a-f]{6,12}'
[ "$(stat -c %a "$name_file")" = 600 ] || fail "mode $(stat -c %a "$name_file")"
cp "$name_file" "$WORK/first"
expect_exit 1 iscsi-gen-initiatorname
expect_err "-f overwrites it"
cmp "$name_file" "$WORK/first" || fail "the name was overwritten"
expect_exit 0 iscsi-gen-initiatorname -f -p iqn.2026-11.org.example
expect_name 'iqn\.2026-11\.org\.example:[0-9a-f]{6,12}'
expect_exit 1 iscsi-gen-initiatorname -f -p 'with blank'
expect_name 'iqn\.2026-11\.org\.example:[0-9a-f]{6,12}'
printf '# made at the first start\nGenerateName=yes\nInitiatorAlias=alias of ours\n' >"$name_file"
expect_exit 0 iscsi-gen-initiatorname
expect_name 'iqn\.2016-04\.com\.open-iscsi:[0-9a-f]{6,12}'
grep -qx 'InitiatorAlias=alias of ours' "$name_file" || fail "the alias is gone"

mkdir -p "$ISCSI_SYSFS_DIR/firmware/ibft/initiator"
echo iqn.2026-11.org.example:firmware >"$ISCSI_SYSFS_DIR/firmware/ibft/initiator/initiator-name"
expect_exit 0 iscsi-gen-initiatorname -f
expect_name iqn.2026-11.org.example:firmware
echo "quiet rd.initiatorname=iqn.2026-11.org.example:kernel ro" >"$ISCSI_KERNEL_COMMAND_LINE"
expect_exit 1 iscsi-gen-initiatorname -f
expect_err "let them agree"
rm -r "$ISCSI_SYSFS_DIR/firmware"
expect_exit 0 iscsi-gen-initiatorname -f
expect_name iqn.2026-11.org.example:kernel
echo "rd.initiatorname=nobody" >"$ISCSI_KERNEL_COMMAND_LINE"
expect_exit 1 iscsi-gen-initiatorname -f
expect_err "expected a name that begins with iqn., eui. or naa., got 'nobody'"
expect_name iqn.2026-11.org.example:kernel
for line in -x "a word" "-p"; do
    # shellcheck disable=SC2086 # words
    expect_exit 1 iscsi-gen-initiatorname $line
done
expect_exit 0 iscsi-gen-initiatorname -h
expect_out "Usage: iscsi-gen-initiatorname"
expect_nothing_else

# ---- iscsi_discovery ----

expect_startup() { # TARGET WORD
    expect_exit 0 iscsiadm -m node -T "$1"
    expect_out "node.conn[0].startup = $2"
}

expect_exit 1 iscsi_discovery
expect_out "Usage: iscsi_discovery IP [-p PORT]"
expect_exit 1 iscsi_discovery 127.0.0.256
expect_out "127.0.0.256 is not a vaild IP address!"
expect_exit 1 iscsi_discovery 127.0.0.1 -p 99999
expect_exit 1 iscsi_discovery 127.0.0.1 -t ftp
expect_exit 1 iscsi_discovery 127.0.0.1
expect_out "iscsid is not running"

start_target
cp etc/iscsi/iscsid.conf "$ISCSI_CONFIG_DIR/"
# tgtd without a target lets nobody in, and is asked again and again.
printf '%s\n' "iscsid.disk.driver = export" "discovery.sendtargets.reopen_max = 0" >>"$ISCSI_CONFIG_DIR/iscsid.conf"
start_iscsid
expect_exit 2 iscsi_discovery 127.0.0.1 -p "$PORT"
expect_out "failed to discover targets at 127.0.0.1"
add_target 1 "$TARGET_NAME" 64M
add_target 2 "$TARGET_NAME-refusing" 64M
tgtadm --lld iscsi --mode account --op new --user alice --password "$SECRET"
tgtadm --lld iscsi --mode account --op bind --tid 2 --user alice

expect_exit 0 iscsi_discovery 127.0.0.1 -p "$PORT" -d
expect_out "Set target $TARGET_NAME to automatic login over tcp to portal $PORTAL"
expect_out "Logout of [sid: "
expect_out "Cannot login over tcp to portal $PORTAL"
expect_out "iSCSI login failed due to authorization failure"
expect_out "discovered 2 targets at 127.0.0.1"
expect_startup "$TARGET_NAME" automatic
expect_startup "$TARGET_NAME-refusing" manual
expect_exit 21 iscsiadm -m session

# iSER is not there: tcp is tried, unless that is not wished.
expect_exit 0 iscsi_discovery 127.0.0.1 -p "$PORT" -t iser -f
expect_out "Cannot login over iser to portal $PORTAL"
expect_startup "$TARGET_NAME" manual
expect_exit 0 iscsi_discovery -p "$PORT" -t iser -m -l 127.0.0.1
expect_out "Set target $TARGET_NAME to manual login over tcp to portal $PORTAL"
expect_startup "$TARGET_NAME" manual
expect_exit 0 iscsiadm -m session
expect_exit 2 iscsi_discovery 127.0.0.1 -p "$PORT"
expect_out "Please logout from all targets on $PORTAL before trying to run discovery on that portal"
echo "both programs do what open-iscsi's do"
