#!/usr/bin/env bash
# A target that only one initiator name may see: an interface with that name discovers it and logs in,
# with both interfaces each gets what its name may see. An interface of a device that is not there says so.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
own_name=iqn.2026-11.org.example:own-initiator
start_target
add_target 1 "$TARGET_NAME" 16M
add_target 2 "$TARGET_NAME-own" 16M
tgtadm --lld iscsi --op unbind --mode target --tid 2 -I ALL || fail "unbind"
tgtadm --lld iscsi --op bind --mode target --tid 2 --initiator-name "$own_name" || fail "bind"
start_iscsid
expect_exit 0 iscsiadm -m iface -I own -o new -n iface.initiatorname -v "$own_name"
expect_exit 0 iscsiadm -m discovery -t st -p "$PORTAL" -I default
[ "$(cat "$WORK/out")" = "$PORTAL,1 $TARGET_NAME" ] || fail "one target expected: $(cat "$WORK/out")"
expect_exit 0 iscsiadm -m discovery -t st -p "$PORTAL" -I default -I own
sort "$WORK/out" >"$WORK/found"
printf "$PORTAL,1 %s\n" "$TARGET_NAME" "$TARGET_NAME" "$TARGET_NAME-own" | sort | diff - "$WORK/found" ||
    fail "three lines expected"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME-own"
expect_out "node.name = $TARGET_NAME-own"
expect_out "iface.initiatorname = $own_name"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME-own" -l
expect_exit 0 iscsiadm -m session -P 1
expect_out "Iface Initiatorname: $own_name"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME-own" -u

expect_exit 0 iscsiadm -m iface -I away -o new -n iface.net_ifacename -v no-such-dev
expect_exit 0 iscsiadm -m discoverydb -t st -p "$PORTAL" -o update -n discovery.sendtargets.reopen_max -v 0
expect_exit 4 iscsiadm -m discoverydb -t st -p "$PORTAL" -I away -D
expect_err "No such device, got no-such-dev"
expect_exit 0 iscsiadm -m node
expect_out "$TARGET_NAME-own"
