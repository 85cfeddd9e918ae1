#!/usr/bin/env bash
# The daemon of a mounted FUSE disk is killed, with or without a helper that lives on: its users hear errors,
# and when they have let go of it the loop device and the mount are gone, at once and without another daemon.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
start_target
add_target 1 "$TARGET_NAME" 64M 64M
mkdir "$WORK/mnt"

is_gone() { ! kill -0 "$1" 2>/dev/null; }
is_bound() { [ -e "/sys/block/$1/loop/backing_file" ]; }

# kill_daemon [-a]: with -a its helper, too.
kill_daemon() {
    local helper
    helper=$(pgrep -P "$iscsid_pid" -f iscsid-disk-helper)
    [ "${1:-}" != -a ] || kill -9 "$helper"
    kill -9 "$iscsid_pid"
    wait "$iscsid_pid" 2>/dev/null
    iscsid_pid=''
    wait_until 10 is_gone "$helper" || fail "the helper is still there"
}

use_a_disk() {
    start_iscsid
    log_in
    mkfs.ext4 -q "${disk[0]}" && mount "${disk[0]}" "$WORK/mnt" || fail "mkfs and mount"
    used=${disk[0]#/dev/} free=${disk[1]#/dev/}
}
at_end "! mountpoint -q $WORK/mnt || umount -l $WORK/mnt"

use_a_disk
kill_daemon
wait_until 5 eval '! is_bound "$free"' || fail "a disk that nobody used is left"
! grep -F "$WORK/run" /proc/self/mounts || fail "a mount of the dead daemon is left"
is_bound "$used" || fail "the disk went although it was mounted"
! dd if="/dev/$used" of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null || fail "the dead disk works"
umount "$WORK/mnt" || fail "umount"
wait_until 5 eval '! is_bound "$used"' || fail "the dead disk is left after its umount"

# The next daemon does the same for what nobody has let go of.
use_a_disk
kill_daemon -a
is_bound "$free" || fail "something else has removed the disk"
: >"$WORK/iscsid.log"
start_iscsid
grep -q "removed $free, left behind by an iscsid that was killed" "$WORK/iscsid.log" || fail "nothing is said of $free"
grep -q "left behind by an iscsid that was killed, and in use: .*$used" "$WORK/iscsid.log" || fail "nothing is said of $used"
umount "$WORK/mnt" || fail "umount"
wait_until 5 eval '! is_bound "$used"' || fail "the dead disk is left, with another daemon"
log_in
[ ${#disk[@]} -eq 2 ] || fail "two disks expected: ${disk[*]}"
log_out
