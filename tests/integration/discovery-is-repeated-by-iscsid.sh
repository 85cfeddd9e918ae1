#!/usr/bin/env bash
# discovery.sendtargets.use_discoveryd: iscsid asks by itself. New targets get records and, when these
# are automatic, sessions; what is named no more is logged out of and forgotten, but not while its
# disk is mounted. A portal that is silent changes nothing, is told once, and holds up no other.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
start_target
add_target 1 "$TARGET_NAME-1" 64M
start_iscsid
sed -i 's/^node.startup = .*/node.startup = automatic/' "$ISCSI_CONFIG_DIR/iscsid.conf"
grep -q '^node.startup = automatic' "$ISCSI_CONFIG_DIR/iscsid.conf" || fail "no node.startup in iscsid.conf"

# update PORTAL KEY VALUE: of its discovery record.
update() {
    expect_exit 0 iscsiadm -m discoverydb -t st -p "$1" -o update -n "discovery.sendtargets.$2" -v "$3"
}
# repeat PORTAL: iscsid asks it from now on, each second.
repeat() {
    expect_exit 0 iscsiadm -m discoverydb -t st -p "$1" -o new
    update "$1" discoveryd_poll_inval 1
    update "$1" reopen_max 0
    update "$1" use_discoveryd Yes
}
reload() { kill -HUP "$iscsid_pid"; }
has_record() { iscsiadm -m node 2>/dev/null | grep -q -- "$1\$"; }
has_no_record() { ! has_record "$1"; }
sessions() { iscsiadm -m session -P 1 2>/dev/null | grep -E "Target: $1 |Connection State: LOGGED IN"; }
has_session() { sessions "$1" | grep -A 1 "Target:" | grep -q "LOGGED IN"; }
has_no_session() { ! iscsiadm -m session 2>/dev/null | grep -q -- "$1 "; }
logged() { grep -cF -- "$1" "$WORK/iscsid.log"; }

# ---- a record of a running daemon; nobody answers at the other portal
silent=127.0.0.1:$(free_port)
repeat "$silent"
repeat "$PORTAL"
reload
wait_until 30 has_record "$TARGET_NAME-1" || fail "no record"
wait_until 30 has_session "$TARGET_NAME-1" || fail "no session"
wait_until 30 grep -qF "discovery at $silent: " "$WORK/iscsid.log" || fail "the silent portal is not told"

# ---- a second target comes; a logout by hand is not undone
add_target 2 "$TARGET_NAME-2" 8M
wait_until 30 has_session "$TARGET_NAME-2" || fail "no session with the new target"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME-2" -u
add_target 3 "$TARGET_NAME-3" 8M
wait_until 30 has_session "$TARGET_NAME-3" || fail "no session with the third target"
has_no_session "$TARGET_NAME-2" || fail "the logout was undone"
[ "$(logged "discovery at $silent: cannot make connection")" -eq 1 ] ||
    fail "the silent portal is told $(logged "discovery at $silent: cannot make connection") times"

# ---- targets vanish: one is free, the disk of the other is mounted
mkdir "$WORK/mnt"
mapfile -t disk < <(iscsiadm -m session -P 3 | sed -n "/Target: $TARGET_NAME-1 /,/Attached scsi disk/ s|.*Attached scsi disk \([^ \t]*\).*|/dev/\1|p")
mkfs.ext4 -q "${disk[0]}" && mount "${disk[0]}" "$WORK/mnt" || fail "mkfs and mount of ${disk[*]}"
at_end "mountpoint -q $WORK/mnt && umount $WORK/mnt"
for number in 1 3; do # named no more, and the sessions stay up: what the target shows is a matter of ACLs
    tgtadm --lld iscsi --op unbind --mode target --tid $number -I ALL || fail "unbind"
done
wait_until 30 has_no_session "$TARGET_NAME-3" || fail "the session with the third target stays"
wait_until 30 has_no_record "$TARGET_NAME-3" || fail "its record stays"
wait_until 30 grep -qF "names it no more, but it stays: " "$WORK/iscsid.log" || fail "the mounted disk is not told"
has_session "$TARGET_NAME-1" && has_record "$TARGET_NAME-1" || fail "the mounted disk is gone"
echo data >"$WORK/mnt/file" && sync -f "$WORK/mnt/file" || fail "the filesystem stopped working"
[ "$(logged "names it no more, but it stays")" -eq 1 ] || fail "it is told more than once"

# ---- an empty answer changes nothing
tgtadm --lld iscsi --op unbind --mode target --tid 2 -I ALL
wait_until 30 grep -qF "it names no target" "$WORK/iscsid.log" || fail "the empty answer is not told"
has_record "$TARGET_NAME-2" || fail "the empty answer has removed a record"

# ---- once nothing is mounted
tgtadm --lld iscsi --op bind --mode target --tid 2 -I ALL
umount "$WORK/mnt"
wait_until 30 has_no_session "$TARGET_NAME-1" || fail "the session stays"
wait_until 30 has_no_record "$TARGET_NAME-1" || fail "the record stays"

# ---- until the record says otherwise
update "$PORTAL" use_discoveryd No
reload
wait_until 30 grep -qF "discovery at $PORTAL: is not repeated any more" "$WORK/iscsid.log" || fail "it is repeated"
