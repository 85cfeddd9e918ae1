#!/usr/bin/env bash
# umountiscsi.sh ends the use of all disks of iSCSI sessions but what is to stay, logout-all.sh logs out the
# others: mounts below each other and with a blank in their path, one that is in use, one that stays.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires lsblk
export ISCSIADM=$BUILD/iscsiadm/iscsiadm ISCSI_DEFAULTS=$WORK/defaults ISCSI_KEEP_FILE=$WORK/keep/sessions
scripts=$BUILD/etc/open-iscsi
start_target
add_target 1 "$TARGET_NAME" 32M 32M
add_target 2 "$TARGET_NAME-other" 32M
start_iscsid
expect_exit 0 sh "$scripts/umountiscsi.sh"
expect_exit 0 sh "$scripts/logout-all.sh"
log_in
[ ${#disk[@]} -eq 3 ] || fail "three disks expected: ${disk[*]}"

outer="$WORK/a b" inner="$WORK/a b/c%d" stays=$WORK/stays
at_end 'umount -q "$inner" "$outer" "$stays" 2>/dev/null'
mount_all() {
    mkdir -p "$outer" "$stays"
    mount "${disk[0]}" "$outer" && mkdir -p "$inner" && mount "${disk[1]}" "$inner" &&
        mount "${disk[2]}" "$stays" || fail "mount"
}
for each in "${disk[@]}"; do
    mkfs.ext4 -q "$each" || fail "mkfs"
done
mount_all

# Nothing is done when only asked.
expect_exit 0 sh "$scripts/umountiscsi.sh" --dry-run
for each in "$inner" "$outer" "$stays"; do
    expect_out "umount $each"
done
mountpoint -q "$inner" && mountpoint -q "$outer" && mountpoint -q "$stays" || fail "--dry-run has done it"
expect_exit 2 sh "$scripts/umountiscsi.sh" --nonsense

# What is in use is named and left; the logout of its session is refused.
exec 7<"$inner"
expect_exit 1 sh "$scripts/umountiscsi.sh"
expect_err "$inner (${disk[1]}) is in use"
mountpoint -q "$inner" || fail "it was in use"
mountpoint -q "$stays" && fail "it was not in use"
expect_exit 1 sh "$scripts/logout-all.sh"
[ "$(disks | wc -l)" -eq 2 ] || fail "only the session in use should be left: $(disks)"
exec 7<&-
umount "$inner" "$outer" && log_out

# What the administrator wants to stay keeps its session, and only that.
log_in
mount_all
echo "EXCLUDE_MOUNTS_AT_SHUTDOWN='$stays'" >"$ISCSI_DEFAULTS"
expect_exit 0 sh "$scripts/umountiscsi.sh"
expect_err "$stays stays mounted"
! mountpoint -q "$inner" && ! mountpoint -q "$outer" && mountpoint -q "$stays" || fail "the wrong ones"
expect_exit 0 sh "$scripts/logout-all.sh"
expect_exit 0 iscsiadm -m session
[ "$(grep -c "$TARGET_NAME" "$WORK/out")" -eq 1 ] && grep -q "$TARGET_NAME-other" "$WORK/out" ||
    fail "the session of $stays, alone, expected: $(cat "$WORK/out")"

: >"$ISCSI_DEFAULTS"
expect_exit 0 sh "$scripts/umountiscsi.sh"
expect_exit 0 sh "$scripts/logout-all.sh"
expect_exit 21 iscsiadm -m session
