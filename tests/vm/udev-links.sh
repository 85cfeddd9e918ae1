#!/usr/bin/env bash
# The links of udev: two sessions to one target through two portals, partitions, and that they are
# there when a login returns and gone when a logout does. Usage: udev-links.sh DRIVER
. tests/support/functions.sh
. tests/vm/lio.sh

driver=${1:?ublk, nbd or fuse}
export ISCSID_RUNTIME_DIR=/run/iscsid # the rules look there
mkdir -p /run/udev/rules.d
cp etc/udev/rules.d/59-iscsi-userland.rules /run/udev/rules.d/
udevadm control --reload
by_path=/dev/disk/by-path/ip-127.0.0.1

points_to() { [ "$(readlink -f "$1")" = "$2" ] || fail "$1 is '$(readlink -f "$1")', not $2: $(ls -l /dev/disk/by-*; udevadm info "$2")"; }

# links_of PORT LUN: the disk of that portal and LUN, after a look at all its links.
links_of() {
    local link=$by_path:$1-iscsi-$TARGET_NAME-lun-$2 node serial
    [ -L "$link" ] || fail "there is no $link: $(ls -l /dev/disk/by-path)"
    node=$(readlink -f "$link")
    serial=$(udevadm info --query=property "$node" | sed -n 's/^ID_SERIAL=//p')
    [[ $serial == 36001405* ]] || fail "ID_SERIAL of $node is '$serial': $(udevadm info "$node")"
    [ -L "/dev/disk/by-id/scsi-$serial" ] && [ -L "/dev/disk/by-id/wwn-0x${serial#3}" ] ||
        fail "links by identity of $serial: $(ls /dev/disk/by-id)"
    echo "$node"
}

start_lio 3260
mkdir "$LIO/iscsi/$TARGET_NAME/tpgt_1/np/127.0.0.1:3261" || fail "second portal"
lio_disk d0 32M
lio_map d0 0
lio_disk d1 32M
lio_map d1 1
use_driver "$driver"
start_iscsid
log_in
[ ${#disk[@]} -eq 4 ] || fail "4 disks expected: ${disk[*]}"
first=$(links_of 3260 1) && second=$(links_of 3261 1) || exit 1
[ "$first" != "$second" ] || fail "two sessions have one disk"
links_of 3260 0 >/dev/null && links_of 3261 0 >/dev/null || exit 1

# Partitions and a filesystem, by every name.
printf 'label: gpt\n,16M\n,\n' | sfdisk -q "$first" || fail "sfdisk"
udevadm settle
part=$first$([[ $first == *[0-9] ]] && echo p)1
mkfs.ext4 -q -L links "$part" || fail "mkfs of $part"
udevadm settle
points_to "$by_path:3260-iscsi-$TARGET_NAME-lun-1-part1" "$part"
uuid=$(blkid -o value -s UUID "$part")
mkdir "$WORK/mnt"
mount "UUID=$uuid" "$WORK/mnt" && umount "$WORK/mnt" || fail "mount by UUID"
log_out
left=$(find /dev/disk/by-path /dev/disk/by-id /dev/disk/by-uuid -lname "*/${first##*/}*" 2>/dev/null)
[ -z "$left" ] || fail "links are left: $left"
! ls "$by_path"* 2>/dev/null || fail "links by path are left"

# Partitions that are there at a login have their links when it returns.
expect_exit 0 iscsiadm -m node -l
ls "$by_path:3260-iscsi-$TARGET_NAME-lun-1-part1" "$by_path:3261-iscsi-$TARGET_NAME-lun-1-part2" >/dev/null ||
    fail "no links of partitions: $(ls /dev/disk/by-path)"
log_out
[ -z "$(ls /run/iscsid/udev)" ] || fail "files for udev are left: $(ls /run/iscsid/udev)"
echo "links are right"
