#!/usr/bin/env bash
# The links of udev, and where they point: two sessions to one target through two portals, partitions,
# a filesystem; there when a login returns and gone when a logout does. Usage: udev-links.sh DRIVER
. tests/support/functions.sh
. tests/vm/lio.sh

driver=${1:?ublk, nbd or fuse}
export ISCSID_RUNTIME_DIR=/run/iscsid # the rules look there
mkdir -p /run/udev/rules.d
cp etc/udev/rules.d/59-iscsi-userland.rules /run/udev/rules.d/
udevadm control --reload
by_path=/dev/disk/by-path/ip-127.0.0.1
fs_uuid=6a1f2d3c-0b5e-4c7a-9d28-3e4f5a6b7c8d part_uuid=11d2c3b4-a596-4788-8a9b-acbdcedff001

points_to() { [ "$(readlink -f "$1")" = "$2" ] || fail "$1 is '$(readlink -f "$1")', not $2: $(ls -l /dev/disk/by-*; udevadm info "$2")"; }

# points_to_one LINK DISK…: two sessions have the same LUN, and which of its disks such a link shows is udev's choice.
points_to_one() {
    local link=$1 node
    node=$(readlink -f "$link")
    shift
    [[ " $* " == *" $node "* ]] || fail "$link is '$node', not one of $*: $(ls -l /dev/disk/by-*)"
}

# node_of PORT LUN: the disk of that portal and LUN.
node_of() {
    local link=$by_path:$1-iscsi-$TARGET_NAME-lun-$2
    [ -L "$link" ] || fail "there is no $link: $(ls -l /dev/disk/by-path)"
    readlink -f "$link"
}

# part_of DISK NUMBER
part_of() { echo "$1$([[ $1 == *[0-9] ]] && echo p)$2"; }

# identities_of DISK: its links by identity.
identities_of() {
    local serial
    serial=$(udevadm info --query=property "$1" | sed -n 's/^ID_SERIAL=//p')
    [[ $serial == 36001405* ]] || fail "ID_SERIAL of $1 is '$serial': $(udevadm info "$1")"
    echo "/dev/disk/by-id/scsi-$serial /dev/disk/by-id/wwn-0x${serial#3}"
}

# What a LUN is called in whatever session it is: itself and its first partition, a filesystem.
links_of_disk=() links_of_part=()
name_links() {
    local link
    read -ra links_of_disk <<<"$(identities_of "$1")"
    links_of_part=("/dev/disk/by-uuid/$fs_uuid" "/dev/disk/by-partuuid/$part_uuid" /dev/disk/by-label/links)
    for link in "${links_of_disk[@]}"; do links_of_part+=("$link-part1"); done
}

# expect_links DISK…: all these links are those of one of them and of its partition.
expect_links() {
    local link node parts=()
    for node in "$@"; do parts+=("$(part_of "$node" 1)"); done
    for link in "${links_of_disk[@]}"; do points_to_one "$link" "$@"; done
    for link in "${links_of_part[@]}"; do points_to_one "$link" "${parts[@]}"; done
}

# A loop device stays, empty, and so does the link by its sequence number.
expect_no_links() {
    local node left stays=''
    [ "$driver" != fuse ] || stays='/dev/disk/by-diskseq/*'
    for node in "${disk[@]}"; do
        left=$(find /dev/disk \( -lname "*/${node##*/}" -o -lname "*/$(part_of "${node##*/}" '[0-9]')" \) ! -path "$stays")
        [ -z "$left" ] || fail "links are left: $left"
    done
    ! ls "$by_path"* 2>/dev/null || fail "links by path are left"
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
first=$(node_of 3260 1) && second=$(node_of 3261 1) && other=$(node_of 3260 0) && node_of 3261 0 >/dev/null || exit 1
[ "$first" != "$second" ] || fail "two sessions have one disk"
[ "$(identities_of "$first")" = "$(identities_of "$second")" ] || fail "one LUN has two identities"
[ "$(identities_of "$first")" != "$(identities_of "$other")" ] || fail "two LUNs have one identity"

# Partitions and a filesystem, by every name. The kernel sees them on the disk where they were made.
printf 'label: gpt\nsize=16M, uuid=%s\nsize=8M\n' "$part_uuid" | sfdisk -q "$first" || fail "sfdisk"
udevadm settle
part=$(part_of "$first" 1)
mkfs.ext4 -q -L links -U "$fs_uuid" "$part" || fail "mkfs of $part"
udevadm settle
points_to "$by_path:3260-iscsi-$TARGET_NAME-lun-1-part1" "$part"
name_links "$first"
for link in "${links_of_part[@]}"; do points_to "$link" "$part"; done
for link in "${links_of_disk[@]}"; do points_to_one "$link" "$first" "$second"; done
mkdir "$WORK/mnt"
mount "UUID=$fs_uuid" "$WORK/mnt" && umount "$WORK/mnt" || fail "mount by UUID"
log_out
expect_no_links

# Partitions that are there at a login have their links when it returns, for both sessions.
expect_exit 0 iscsiadm -m node -l
mapfile -t disk < <(disks)
first=$(node_of 3260 1) && second=$(node_of 3261 1) || exit 1
for number in 1 2; do
    points_to "$by_path:3260-iscsi-$TARGET_NAME-lun-1-part$number" "$(part_of "$first" $number)"
    points_to "$by_path:3261-iscsi-$TARGET_NAME-lun-1-part$number" "$(part_of "$second" $number)"
done
expect_links "$first" "$second"

# Logins and logouts of single disks, as drivers of containers make them: how long each login takes.
log_out
times=()
for _ in 1 2 3 4 5 6; do
    begin=$(date +%s%N)
    expect_exit 0 iscsiadm -m node -p 127.0.0.1:3260 -l
    times+=($((($(date +%s%N) - begin) / 1000000)))
    [ -L "$by_path:3260-iscsi-$TARGET_NAME-lun-1" ] || fail "no link when the login returns"
    expect_exit 0 iscsiadm -m node -p 127.0.0.1:3260 -u
done
echo "a login of two disks with their links, in ms: ${times[*]}"
expect_exit 0 iscsiadm -m node -l
mapfile -t disk < <(disks)
second=$(node_of 3261 1) || exit 1
name_links "$second"

# One session ends: what the LUN is called is the disk of the other.
expect_exit 0 iscsiadm -m node -p 127.0.0.1:3260 -u
expect_links "$second"

# A logout lets one finish who probes a disk under its lock, as udev does after each change.
flock -s "$second" bash -c 'touch "$2/locked"
    until [ $SECONDS -ge 2 ]; do dd if="$1" of=/dev/null bs=64k count=16 iflag=direct status=none || exit; done
    touch "$2/probed"' - "$second" "$WORK" &
wait_until 10 test -e "$WORK/locked" || fail "no lock"
log_out
[ -e "$WORK/probed" ] || fail "the disk went under the reads of its prober"
expect_no_links
[ -z "$(ls /run/iscsid/udev)" ] || fail "files for udev are left: $(ls /run/iscsid/udev)"
echo "links are right"
