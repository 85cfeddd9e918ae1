#!/usr/bin/env bash
# LIO's logical units as disks: what the kernel is told of them, discards and zeroes, verified writes,
# partitions and filesystems over a logout, which users prevent, and nothing left. Usage: disks-of-lio.sh ublk|nbd
here=$(dirname "$0")
. "$here/../support/functions.sh"
. "$here/lio.sh"
requires dmsetup
driver=${1:-ublk}
# NBD names one block size, which the kernel takes for both.
emulated_physical=4096 && [ "$driver" = ublk ] || emulated_physical=512
mib=$((1 << 20))
readonly_name=$TARGET_NAME:readonly

# LUN 0: thin, reads old data after UNMAP for all it says. 1: 4Kn, reads zeroes. 2: thick, no cache.
# 3: 512e, a disk of 4096-byte blocks that takes 512.
serve() {
    start_lio
    emulated=$(emulated_disk)
    lio_disk thin 64M max_unmap_lba_count=4096
    lio_disk native4k 64M block_size=4096 unmap_zeroes_data=1
    lio_disk through 32M emulate_write_cache=0 emulate_tpu=0 emulate_tpws=0
    lio_disk readonly 16M
    lio_block emulated "/dev/$emulated"
    lio_map thin 0
    lio_map native4k 1
    lio_map through 2
    lio_map emulated 3
    local TARGET_NAME=$readonly_name
    start_lio
    lio_set attrib demo_mode_write_protect=1
    lio_map readonly 0
}

# A disk of the kernel's own SCSI debugging host with 8 logical blocks in a physical one.
emulated_disk() {
    local where=/sys/bus/pseudo/drivers/scsi_debug
    modprobe -a sd_mod && modprobe scsi_debug dev_size_mb=32 physblk_exp=3 || fail "no scsi_debug"
    wait_until 20 eval "ls $where/adapter0/host*/target*/*/block/*" || fail "scsi_debug has no disk"
    basename "$where"/adapter0/host*/target*/*/block/*
}

# The disks of the first target come first; sessions are shown in the order of their logins.
log_in_both() {
    [ -d "$ISCSI_DATABASE_DIR/nodes" ] || discover
    expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -l
    expect_exit 0 iscsiadm -m node -T "$readonly_name" -l
    mapfile -t disk < <(disks)
    [ ${#disk[@]} -eq 5 ] || fail "five disks expected: ${disk[*]}"
    [[ ${disk[0]} == /dev/$driver* ]] || fail "not a disk of $driver: ${disk[0]}"
}

# expect_attribute DISK FILE VALUE, beneath /sys/block/DISK.
expect_attribute() {
    local got
    got=$(cat "/sys/block/${1#/dev/}/$2")
    [ "$got" = "$3" ] || fail "$1: $2 is '$got', expected '$3'"
}

# expect_shape DISK MIB BLOCK [PHYSICAL-BLOCK]. The kernel is always told of a volatile cache, also
# where there is none now (LUN 2): it may be switched on, and nothing can be told later.
expect_shape() {
    expect_attribute "$1" size $(($2 * mib / 512))
    expect_attribute "$1" queue/logical_block_size "$3"
    expect_attribute "$1" queue/physical_block_size "${4:-$3}"
    expect_attribute "$1" queue/write_cache "write back"
}

# As LIO says: 8 MiB are the optimal transfer, so the kernel reads twice that ahead, as for its own disks. With 4 KiB
# blocks LIO's optimal transfer is more than its largest: not believed (sd.c).
check_limits() {
    expect_attribute "${disk[0]}" queue/read_ahead_kb 16384
    expect_attribute "${disk[1]}" queue/read_ahead_kb 128
    [ "$driver" = nbd ] || expect_attribute "${disk[0]}" queue/optimal_io_size $((8 * mib))
    [ "$driver" = nbd ] || expect_attribute "${disk[0]}" queue/discard_max_bytes $((2 * mib))
}

check_shapes() {
    expect_shape "${disk[0]}" 64 512
    expect_shape "${disk[1]}" 64 4096
    expect_shape "${disk[2]}" 32 512
    expect_shape "${disk[3]}" 32 512 $emulated_physical
    expect_shape "${disk[4]}" 16 512
    expect_attribute "${disk[0]}" queue/fua 1
    expect_attribute "${disk[2]}" queue/fua 1
    local which
    for which in 0 1; do
        [ "$(cat "/sys/block/${disk[which]#/dev/}/queue/discard_max_bytes")" -gt 0 ] ||
            fail "no discard on ${disk[which]}"
    done
    expect_attribute "${disk[2]}" queue/discard_max_bytes 0
    for which in 0 1 2 3; do expect_attribute "${disk[which]}" ro 0; done
    expect_attribute "${disk[4]}" ro 1
    dd if="${disk[4]}" of=/dev/null bs=1M count=1 iflag=direct status=none || fail "read of ${disk[4]}"
    ! dd if=/dev/zero of="${disk[4]}" bs=4096 count=1 oflag=direct status=none 2>/dev/null ||
        fail "${disk[4]} was written"
}

# range FILE OFFSET LENGTH: these bytes, past the page cache. Multiples of 4096.
range() {
    dd if="$1" bs=1M skip="$2" count="$3" iflag=direct,skip_bytes,count_bytes status=none
}

expect_pattern() { cmp -s <(range "$1" "$2" "$3") <(range "$WORK/pattern" "$2" "$3") || fail "$1: $4"; }
expect_zeroes() { cmp -s <(range "$1" "$2" "$3") <(head -c "$3" /dev/zero) || fail "$1: $4"; }

write_pattern() {
    dd if="$WORK/pattern" of="$1" bs=1M oflag=direct conv=fsync status=none || fail "pattern on $1"
    expect_pattern "$1" 0 $((4 * mib)) "pattern is not there"
}

kib_of() { du -k "$WORK/lio-$1" | cut -f 1; }

# 2 MiB and a bit from 1 MiB: the target lets go of them, their neighbours stay.
check_discard() {
    local node=$1 name=$2 length=$((2 * mib + 8192)) before
    write_pattern "$node"
    before=$(kib_of "$name")
    blkdiscard -f -o $mib -l $length "$node" 2>/dev/null || fail "blkdiscard of $node"
    [ "$(kib_of "$name")" -le $((before - 2048)) ] || fail "$node: the target still holds what was discarded"
    if [ "$(cat "$LIO/core/fileio_0/$name/attrib/unmap_zeroes_data")" = 1 ]; then
        expect_zeroes "$node" $mib $length "no zeroes after a discard"
    fi
    expect_pattern "$node" 0 $mib "before the discarded range"
    expect_pattern "$node" $((mib + length)) $((4 * mib - mib - length)) "after the discarded range"
}

check_zeroes() {
    local node=$1 length=$((3 * mib - 8192))
    write_pattern "$node"
    blkdiscard -f -z -o 4096 -l $length "$node" 2>/dev/null || fail "blkdiscard -z of $node"
    expect_zeroes "$node" 4096 $length "no zeroes"
    expect_pattern "$node" 0 4096 "before the zeroes"
    expect_pattern "$node" $((length + 4096)) $((4 * mib - length - 4096)) "after the zeroes"
}

# What all jobs share; each reads back and compares what it wrote.
fio_common=(--direct=1 --ioengine=libaio --rw=randwrite --verify=crc32c --verify_state_save=0
    --verify_fatal=1 --offset=8m)

# verified_writes DISK: with flushes by fsync and by fdatasync, and each write through to the medium.
verified_writes() {
    fio --filename="$1" "${fio_common[@]}" --output="$WORK/fio" \
        --name=fsync --iodepth=16 --bsrange=4k-256k --size=8m --fsync=16 \
        --name=fdatasync --stonewall "${fio_common[@]}" --iodepth=8 --bs=16k --size=2m --fdatasync=4 \
        --name=through --stonewall "${fio_common[@]}" --iodepth=8 --bs=8k --size=1m --sync=1 ||
        fail "fio on $1: $(cat "$WORK/fio")"
    [ "$(grep -c 'err= 0' "$WORK/fio")" -eq 3 ] || fail "fio on $1: $(cat "$WORK/fio")"
}

# fill NODE: a filesystem with files and their checksums.
fill() {
    mkfs.ext4 -q "$1" && mount "$1" "$WORK/mnt" || fail "mkfs and mount of $1"
    cp -r "$here/../../libiscsi/scsi" "$WORK/mnt/files" &&
        (cd "$WORK/mnt" && find files -type f -print0 | xargs -0 sha256sum >sums) || fail "files on $1"
    [ "$(wc -l <"$WORK/mnt/sums")" -gt 10 ] || fail "too few files on $1"
    umount "$WORK/mnt" || fail "umount of $1"
}

check_files() {
    mount "$1" "$WORK/mnt" || fail "mount of $1"
    (cd "$WORK/mnt" && sha256sum --quiet -c sums) || fail "checksums on $1"
    umount "$WORK/mnt" || fail "umount of $1"
}

# Two partitions on each; the kernel makes their nodes and udev sees them.
partition() {
    printf 'label: gpt\nsize=24MiB\nsize=16MiB\n' | sfdisk -q --wipe always "$1" || fail "sfdisk $1"
    udevadm settle --timeout=20 # udevd has the table read again, and the nodes go for a moment
    expect_partitions "$1"
}

expect_partitions() {
    wait_until 10 test -b "${1}p1" -a -b "${1}p2" || fail "no partition nodes of $1"
    [ "$(blockdev --getsize64 "${1}p1")" -eq $((24 * mib)) ] || fail "size of ${1}p1"
    [ "$(blockdev --getsize64 "${1}p2")" -eq $((16 * mib)) ] || fail "size of ${1}p2"
}

# expect_busy DISK: a logout is refused as long as this one has users, and changes nothing.
expect_busy() {
    expect_exit 28 iscsiadm -m node -T "$TARGET_NAME" -u
    expect_err "(28 - device or resource in use)"
    [ "$(disks | wc -l)" -eq 5 ] || fail "a refused logout took a disk away: $(disks)"
    range "$1" 0 4096 >/dev/null || fail "$1 does not work after a refused logout"
}

# Swap on a disk and on a partition, another device on top, and a mount. The fourth disk has no data.
check_users() {
    local node
    for node in "${disk[3]}" "${disk[0]}p2"; do
        mkswap "$node" >/dev/null 2>&1 && swapon "$node" || fail "swap on $node"
        expect_busy "$node"
        swapoff "$node" || fail "swapoff $node"
    done
    modprobe dm_mod
    dmsetup create --noudevsync held --table "0 2048 linear ${disk[3]} 0" || fail "dmsetup"
    expect_busy "${disk[3]}"
    dmsetup remove --noudevsync --retry held || fail "dmsetup remove"
    mount "${disk[1]}p1" "$WORK/mnt" || fail "mount of ${disk[1]}p1"
    expect_busy "${disk[1]}"
    umount "$WORK/mnt" || fail "umount of ${disk[1]}p1"
}

# The script for the end of the system takes all of them away at once.
end_users() {
    mkswap "${disk[0]}p2" >/dev/null 2>&1 && swapon "${disk[0]}p2" || fail "swap on ${disk[0]}p2"
    dmsetup create --noudevsync held --table "0 2048 linear ${disk[3]} 0" || fail "dmsetup"
    mount "${disk[1]}p1" "$WORK/mnt" || fail "mount of ${disk[1]}p1"
    ISCSIADM=$BUILD/iscsiadm/iscsiadm expect_exit 0 sh "$BUILD/etc/open-iscsi/umountiscsi.sh"
    expect_no_err
    ! grep "${disk[0]}p2" /proc/swaps && [ ! -e /sys/block/dm-0 ] && ! mountpoint -q "$WORK/mnt" ||
        fail "something is in use"
}

# Nodes of disks and partitions, control nodes of ublk.
nodes() {
    find /dev -maxdepth 1 \( -name 'ublk[bc]*' -o -name 'nbd*' \)
    find /sys/block -maxdepth 1 \( -name 'ublkb*' -o -name 'nbd*' \)
}

sessions_of_lio() { cat "$LIO"/iscsi/*/tpgt_1/dynamic_sessions 2>/dev/null | tr -d '\0'; }
descriptors() { find "/proc/$iscsid_pid/fd" -mindepth 1 | wc -l; }

expect_nothing_left() {
    wait_until 10 eval '[ -z "$(nodes)" ]' || fail "left: $(nodes)"
    [ -z "$(sessions_of_lio)" ] || fail "the target still has sessions: $(sessions_of_lio)"
    wait_until 5 eval "[ \$(descriptors) -le $1 ]" ||
        fail "iscsid had $1 descriptors, now: $(ls -l "/proc/$iscsid_pid/fd")"
}

step() { echo "$(cut -d ' ' -f 1 /proc/uptime) s: $*"; }

mkdir -p "$WORK/mnt"
at_end 'mountpoint -q "$WORK/mnt" && umount "$WORK/mnt"'
head -c $((4 * mib)) /dev/urandom >"$WORK/pattern"
serve
use_driver "$driver"
start_iscsid
discover
idle_descriptors=$(descriptors)
log_in_both
step "shapes"
check_shapes
check_limits
for which in "0 thin" "1 native4k"; do
    read -r number name <<<"$which"
    step "$name"
    check_discard "${disk[number]}" "$name"
    check_zeroes "${disk[number]}"
    verified_writes "${disk[number]}"
done
step "through"
check_zeroes "${disk[2]}"
step "512e"
write_pattern "${disk[3]}"
fio --name=sectors --filename="${disk[3]}" "${fio_common[@]}" --iodepth=8 --bsrange=512-16k \
    --blockalign=512 --size=2m --fsync=16 --output="$WORK/fio" || fail "fio: $(cat "$WORK/fio")"
expect_pattern "${disk[3]}" 0 $((4 * mib)) "pattern is not there after writes beside it"
step "files"
for number in 0 1; do
    partition "${disk[number]}"
    fill "${disk[number]}p1"
done
step "users"
check_users
end_users
log_out
expect_nothing_left "$((idle_descriptors + 2))"
log_in_both
check_shapes
check_limits
for number in 0 1; do
    expect_partitions "${disk[number]}"
    check_files "${disk[number]}p1"
done
log_out
step "nothing left"
expect_nothing_left "$((idle_descriptors + 2))"
