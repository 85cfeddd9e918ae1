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
umount "$WORK/mnt"
log_out
