#!/usr/bin/env bash
# A made iBFT below ISCSI_SYSFS_DIR: its targets are shown, recorded and logged in to with the firmware's
# CHAP and initiator name; their sessions outlast the logout of all; what is wrong in it is named.
. "$(dirname "$0")/../support/functions.sh"
requires_root
boot_name=iqn.2026-11.org.example:boot
export ISCSI_SYSFS_DIR=$WORK/sys
ibft=$ISCSI_SYSFS_DIR/firmware/ibft
account() { tgtadm --lld iscsi --mode account "$@" || fail "tgtadm account $*"; }

# field FILE TEXT
field() {
    mkdir -p "$ibft/$(dirname "$1")"
    echo "$2" >"$ibft/$1"
}

# target NUMBER NAME
target() {
    field "target$1/flags" 3
    field "target$1/target-name" "$2"
    field "target$1/ip-addr" 127.0.0.1
    field "target$1/port" "$PORT"
    field "target$1/nic-assoc" 0
}

# The driver that needs nothing of the kernel: what is tested here is who logs in to what.
start_daemon() {
    cp etc/iscsi/iscsid.conf "$ISCSI_CONFIG_DIR/"
    echo "iscsid.disk.driver = export" >>"$ISCSI_CONFIG_DIR/iscsid.conf"
    start_iscsid
}

# The target's own view of who is there.
expect_initiator() {
    tgtadm --lld iscsi --op show --mode target >"$WORK/out"
    grep -q "Initiator: $1" "$WORK/out" || fail "no session of $1: $(cat "$WORK/out")"
}

start_target
add_target 1 "$TARGET_NAME" 64M
add_target 2 "$TARGET_NAME-two" 64M
account --op new --user alice --password "$SECRET"
account --op bind --tid 1 --user alice
start_daemon

expect_exit 21 iscsiadm -m fw
expect_err "Could not get list of targets from firmware. (err 21)"
field initiator/initiator-name $boot_name
field ethernet0/flags 3
field ethernet0/index 0
field ethernet0/mac 52:54:00:00:00:01
target 0 "$TARGET_NAME"
field target0/chap-type 1
field target0/chap-name alice
field target0/chap-secret "$SECRET"
target 1 "$TARGET_NAME-two"
expect_exit 0 iscsiadm -m fw
expect_no_err
expect_out "node.name = $TARGET_NAME"
expect_out "node.session.auth.password = ********"
expect_exit 21 iscsiadm -m node

expect_exit 0 iscsiadm -m discovery -t fw
expect_out "$PORTAL,1 $TARGET_NAME"
expect_exit 0 iscsiadm -m fw -l
expect_out "Login to [iface: default, target: $TARGET_NAME, portal: 127.0.0.1,$PORT] successful."
expect_out "Login to [iface: default, target: $TARGET_NAME-two, portal: 127.0.0.1,$PORT] successful."
expect_initiator "$boot_name"
expect_exit 0 iscsiadm -m fw -l
expect_exit 21 iscsiadm -m node -U all
expect_exit 0 iscsiadm -m session
expect_out "$TARGET_NAME-two"
! grep -rqF "$SECRET" "$WORK/iscsid.log" "$WORK/out" || fail "the secret was shown"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -u
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME-two" -u

# A wrong secret, a target that is not there, and a table of which not everything can be used.
field target0/chap-secret not-the-secret-1
expect_exit 24 iscsiadm -m fw -l
expect_out "Login to [iface: default, target: $TARGET_NAME-two, portal: 127.0.0.1,$PORT] successful."
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME-two" -u
head -c 300 /dev/zero >"$ibft/target0/chap-name"
rm "$ibft/target1/ip-addr"
expect_exit 0 iscsiadm -m fw
expect_err "$ibft/target0/chap-name: expected a text, got nothing"
expect_err "$ibft/target1/: expected target-name and ip-addr"
expect_exit 0 iscsiadm -m discovery -t fw
expect_exit 21 iscsiadm -m node -T "$TARGET_NAME-two"
echo "targets of the firmware are logged in to"
