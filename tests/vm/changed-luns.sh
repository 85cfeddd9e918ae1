#!/usr/bin/env bash
# What happens to disks when the target changes behind them: another capacity is followed, another
# LUN under an old number is never taken for the old one, what is in use stays. Usage: changed-luns.sh DRIVER
. tests/support/functions.sh
. tests/vm/lio.sh
driver=${1:?ublk, nbd or fuse}

rescan() { expect_exit 0 iscsiadm -m session -R; }
size_of() { blockdev --getsize64 "$1"; }
reads() { dd if="$1" of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null; }
has_disks() { [ "$(disks | wc -l)" -eq "$1" ]; }
strangers() { grep -c "IS NOT THE DISK" "$WORK/iscsid.log"; }
logged() { grep -qE "$1" "$WORK/iscsid.log"; }

# replace_lun FILE: LUN 0 is that file from now on.
replace_lun() {
    lio_unmap 0
    lio_map "$1" 0
}

start_lio
lio_disk d0 32M
lio_map d0 0
lio_disk stranger 32M
lio_disk d1 32M
lio_map d1 1
use_driver "$driver"
start_iscsid
log_in
dd if=/dev/urandom of="$WORK/pattern" bs=1M count=4 status=none
dd if="$WORK/pattern" of="${disk[0]}" bs=1M oflag=direct conv=fsync status=none || fail "write"

# In use from here on: a look while a LUN is not mapped takes an unused disk away.
exec 9<"${disk[0]}"

# Another LUN: no byte of it is read or written, and the log is loud.
replace_lun stranger
rescan
logged 'LUN 0 IS NOT THE DISK THAT IT WAS' || fail "nothing in the log"
! reads "${disk[0]}" || fail "the stranger can be read"
! dd if="$WORK/pattern" of="${disk[0]}" bs=1M oflag=direct status=none 2>/dev/null || fail "the stranger can be written"
reads "${disk[1]}" || fail "the other LUN suffers"
cmp -s -n 4194304 /dev/zero "$WORK/lio-stranger" || fail "the stranger was written to"

# The old one is back: so is its disk, under its name.
replace_lun d0
rescan
logged 'LUN 0 is the disk that it was, again' || fail "not told"
reads "${disk[0]}" || fail "the old LUN cannot be read again"
cmp -n 4194304 "$WORK/pattern" "${disk[0]}" || fail "the old LUN has other data"

# Without anybody asking for a rescan: the unit attention does, which LIO sends to the other LUNs.
replace_lun stranger
reads "${disk[1]}"
wait_until 20 eval '[ "$(strangers)" -ge 2 ]' || fail "the unit attention changed nothing"
! reads "${disk[0]}" || fail "the stranger can be read after the unit attention"

# A look just between the two steps of a replacement: first it is gone, then it is another.
lio_unmap 0
rescan
logged 'LUN 0 .* is gone from the target, its disk stays' || fail "not told that LUN 0 is gone"
told=$(strangers)
lio_map stranger 0
rescan
[ "$(strangers)" -gt "$told" ] || fail "nobody is told what has come instead of LUN 0"
! reads "${disk[0]}" || fail "the stranger can be read"
replace_lun d0
rescan

# It grows. LIO tells nobody of another capacity (2A/09), but the other LUNs that it was mapped anew.
lio_unmap 0
rmdir "$LIO/core/fileio_0/d0"
truncate -s 48M "$WORK/lio-d0"
lio_disk d0 48M
lio_map d0 0
reads "${disk[1]}"
wait_until 20 logged "LUN 0 .* has $((48 << 20)) bytes now" || fail "the unit attention of a grown LUN changed nothing"
exec 9<&-
if [ "$driver" = ublk ] && [ "$(size_of "${disk[0]}")" -eq $((32 << 20)) ]; then
    logged 'no live resize' || fail "a device that keeps its size, and no word of that"
    log_out
    log_in
fi
[ "$(size_of "${disk[0]}")" -eq $((48 << 20)) ] || fail "size is $(size_of "${disk[0]}")"
dd if="$WORK/pattern" of="${disk[0]}" bs=1M seek=44 oflag=direct status=none || fail "write to what is new"
cmp -n 4194304 "$WORK/pattern" "${disk[0]}" || fail "what was there has changed"

# Gone, and there again.
lio_unmap 1
rescan
has_disks 1 || fail "LUN 1 is still a disk: $(disks)"
lio_map d1 1
rescan
has_disks 2 || fail "LUN 1 is no disk again: $(disks)"

# A new one, without anybody asking: LIO tells the other LUNs (3F/0E).
lio_disk d2 32M
lio_map d2 2
reads "${disk[0]}"
wait_until 20 has_disks 3 || fail "the unit attention of a new LUN changed nothing: $(disks)"
mapfile -t disk < <(disks)

# Gone while they are in use, one mounted and one open: the disks stay, give errors, and work again.
mkdir "$WORK/mnt"
# Without what ext4 goes on writing by itself: it would meet the time without the LUN.
mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "${disk[1]}" && mount "${disk[1]}" "$WORK/mnt" || fail "mkfs and mount of ${disk[1]}"
at_end 'mountpoint -q "$WORK/mnt" && umount "$WORK/mnt"'
cp "$WORK/pattern" "$WORK/mnt/before" && sync -f "$WORK/mnt" || fail "a file on ${disk[1]}"
exec 8<"${disk[2]}"
lio_unmap 1
lio_unmap 2
rescan
logged 'LUN 1 .* is gone from the target, its disk stays: ' || fail "not told that LUN 1 is gone"
logged 'LUN 2 .* is gone from the target, its disk stays: it is open' || fail "not told that LUN 2 is gone"
[ "$(disks | xargs)" = "${disk[*]}" ] || fail "disks in use were ${disk[*]}, and now: $(disks | xargs)"
! reads "${disk[1]}" && ! reads "${disk[2]}" || fail "what is gone can be read"
lio_map d1 1
lio_map d2 2
rescan
reads "${disk[1]}" && reads "${disk[2]}" || fail "what is there again cannot be read"
echo 3 >/proc/sys/vm/drop_caches
cmp "$WORK/pattern" "$WORK/mnt/before" && cp "$WORK/pattern" "$WORK/mnt/after" && sync -f "$WORK/mnt" ||
    fail "the filesystem has suffered"
umount "$WORK/mnt" || fail "umount"
exec 8<&-

# And when nobody uses it, it goes, without anybody asking either.
udevadm settle
lio_unmap 2
reads "${disk[0]}"
wait_until 20 has_disks 2 || fail "the unit attention of a LUN that is gone changed nothing: $(disks)"
log_out
echo "changes were followed"
