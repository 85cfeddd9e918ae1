#!/usr/bin/env bash
# A disk with a mounted filesystem is busy: logout is refused with 28 and the filesystem goes on.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
start_target
add_target 1 "$TARGET_NAME" 64M
start_iscsid
log_in
mkdir "$WORK/mnt"
mkfs.ext4 -q "${disk[0]}" && mount "${disk[0]}" "$WORK/mnt" || fail "mkfs and mount"
at_end "mountpoint -q $WORK/mnt && umount $WORK/mnt"
expect_exit 28 iscsiadm -m node -u
expect_err "initiator reported error (28 - device or resource in use)"
echo data >"$WORK/mnt/file" && sync -f "$WORK/mnt/file" || fail "the filesystem stopped working"

# iscsid.safe_logout = No takes it away.
sed -i 's/^iscsid.safe_logout = .*/iscsid.safe_logout = No/' "$ISCSI_CONFIG_DIR/iscsid.conf"
kill -HUP "$iscsid_pid"
wait_until 10 grep -q 'settings are read again' "$WORK/iscsid.log" || fail "no reload"
iscsiadm -m node -u >"$WORK/out" 2>"$WORK/err"
expect_out "Logout of [sid: 1, target: $TARGET_NAME"
! dd if="${disk[0]}" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null || fail "the disk still works"
umount -l "$WORK/mnt"
