#!/usr/bin/env bash
# Rescan finds LUNs that the target has got since, and takes away the disks of those it has lost;
# a disk that is mounted stays.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
start_target
add_target 1 "$TARGET_NAME" 64M
start_iscsid

add_lun() {
    truncate -s 32M "$WORK/lun-1-2"
    tgtadm --lld iscsi --op new --mode logicalunit --tid 1 --lun 2 -b "$WORK/lun-1-2" || fail "new LUN"
}

remove_lun() { tgtadm --lld iscsi --op delete --mode logicalunit --tid 1 --lun 2 || fail "delete LUN"; }

# rescan OPTION…: says one line for the session; the disks are in the array `disk`.
rescan() {
    expect_exit 0 iscsiadm "$@" -R
    expect_no_err
    [ "$(cat "$WORK/out")" = "Rescanning session [sid: $sid, target: $TARGET_NAME, portal: 127.0.0.1,$PORT]" ] ||
        fail "words of the rescan: $(cat "$WORK/out")"
    mapfile -t disk < <(disks)
}

sid_of_session() { iscsiadm -m session | sed -n 's/^tcp: \[\([0-9]*\)\].*/\1/p'; }
count_is() { [ ${#disk[@]} -eq "$1" ] || fail "$1 disks expected: ${disk[*]}"; }

expect_exit 21 iscsiadm -m session -R
expect_err "iscsiadm: No session found."
log_in
count_is 1
first=${disk[0]}
sid=$(sid_of_session)

# Nothing has changed.
rescan -m session
count_is 1
[ "${disk[0]}" = "$first" ] || fail "LUN 1 has become ${disk[0]}"

# A second LUN, which works; the first keeps its disk.
add_lun
rescan -m session
count_is 2
[ "${disk[0]}" = "$first" ] || fail "LUN 1 has become ${disk[0]}"
second=${disk[1]}
[ "$(blockdev --getsize64 "$second")" -eq $((32 << 20)) ] || fail "size of LUN 2"
dd if=/dev/urandom of="$WORK/data" bs=1M count=8 status=none
dd if="$WORK/data" of="$second" bs=1M oflag=direct conv=fsync status=none || fail "write to LUN 2"
cmp -n $((8 << 20)) "$WORK/data" "$WORK/lun-1-2" || fail "the file of LUN 2 holds something else"

# It goes again.
remove_lun
rescan -m session -r "$sid"
count_is 1
[ "${disk[0]}" = "$first" ] || fail "LUN 1 has become ${disk[0]}"
wait_until 10 eval "! is_ours $second" || fail "$second is still there"

# Mounted, it stays although its LUN is gone, and everything else goes on.
add_lun
rescan -m node -T "$TARGET_NAME" -p "$PORTAL"
count_is 2
second=${disk[1]}
mkdir "$WORK/mnt"
mkfs.ext4 -q "$second" && mount "$second" "$WORK/mnt" || fail "mkfs and mount"
at_end "mountpoint -q $WORK/mnt && umount $WORK/mnt"
sync -f "$WORK/mnt"
remove_lun
iscsiadm -m session -R >"$WORK/out" 2>"$WORK/err"
is_ours "$second" || fail "$second was removed while it was mounted"
mapfile -t disk < <(disks)
count_is 2
dd if="$first" of=/dev/null bs=1M count=8 iflag=direct status=none || fail "LUN 1 cannot be read"

# As soon as nobody needs it, the next rescan removes it.
umount "$WORK/mnt" || fail "umount"
rescan -m session
count_is 1
wait_until 10 eval "! is_ours $second" || fail "$second is still there after the unmount"
log_out

# Without scans of its own, a session has no disk before it is asked to look.
expect_exit 0 iscsiadm -m node -o update -n node.session.scan -v manual
expect_exit 0 iscsiadm -m node -l
mapfile -t disk < <(disks)
count_is 0
sid=$(sid_of_session)
rescan -m node
count_is 1
add_lun
mapfile -t disk < <(disks)
count_is 1
rescan -m session -r "$sid"
count_is 2
log_out
