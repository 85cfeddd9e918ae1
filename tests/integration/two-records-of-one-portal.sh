#!/usr/bin/env bash
# A record that was typed in without its group tag, and the discovery that tells it: one record, and
# one login. Two records with tags of one portal: one login, too (two would have the same ISID and end
# each other). The session shows the target's tag.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
start_target
add_target 1 "$TARGET_NAME" 16M
start_iscsid
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL" -o new
expect_out ",-1 $TARGET_NAME] added"
discover
expect_exit 0 iscsiadm -m node
[ "$(cat "$WORK/out")" = "$PORTAL,1 $TARGET_NAME" ] || fail "one record expected: $(cat "$WORK/out")"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL,9" -o new
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -l
[ "$(grep -c successful "$WORK/out")" -eq 1 ] || fail "one login expected: $(cat "$WORK/out")"
expect_exit 0 iscsiadm -m session
[ "$(wc -l <"$WORK/out")" -eq 1 ] || fail "one session expected: $(cat "$WORK/out")"
expect_out "$PORTAL,1 $TARGET_NAME"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL,4" -u

# An interface whose file is damaged is left out of a discovery, and what others found by it is not removed.
record=$ISCSI_DATABASE_DIR/nodes/$TARGET_NAME/${PORTAL%:*},${PORTAL##*:},1
expect_exit 0 iscsiadm -m iface -I eth1 -o new
expect_exit 0 iscsiadm -m discovery -t st -p "$PORTAL" -I eth1
[ -e "$record/eth1" ] || fail "no record of eth1: $(ls "$record")"
printf '# BEGIN RECORD 2.1.8\niface.iscsi_ifacename = eth1\n' >"$ISCSI_DATABASE_DIR/ifaces/eth1"
expect_exit 0 iscsiadm -m discovery -t st -p "$PORTAL" -o new -o delete
expect_err "ifaces/eth1"
for name in default eth1; do
    [ -e "$record/$name" ] || fail "the record of $name is gone: $(ls "$record")"
done
