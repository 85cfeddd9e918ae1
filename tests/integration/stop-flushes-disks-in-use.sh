#!/usr/bin/env bash
# SIGTERM while disks that end with the daemon are in use: what was written before and after it is on the
# target when the daemon has ended, whoever has the disk (a filesystem, also of another mount namespace, a
# loop device over it, a process), although another target is silent. The stop waits for users, says for
# whom, and ends in time.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires mkfs.ext4 unshare losetup
mkdir -p "$ISCSI_CONFIG_DIR"
cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/"
cat >>"$ISCSI_CONFIG_DIR/iscsid.conf" <<END
iscsid.disk.driver = fuse
iscsid.stop_timeout = 8
END
start_target
add_target 1 "$TARGET_NAME" 64M 64M 64M 64M
start_iscsid
log_in
[ ${#disk[@]} -eq 4 ] || fail "four disks expected: ${disk[*]}"

# ---- a target that says nothing -----------------------------------------------------------------
tgt_portal=$PORTAL
start_test_target --luns 1
expect_exit 0 iscsiadm -m discovery -t st -p "$PORTAL"
expect_exit 0 iscsiadm -m node -p "$PORTAL" -l
silent=$(disks | tail -n 1)

# ---- users --------------------------------------------------------------------------------------
random() { dd if=/dev/urandom of="$1" bs=1M count=8 status=none; }
mkdir "$WORK/mnt" "$WORK/hidden" "$WORK/upper"
random "$WORK/before" && random "$WORK/after"
for each in "${disk[0]}" "${disk[1]}"; do mkfs.ext4 -q "$each" || fail "mkfs"; done
mount "${disk[0]}" "$WORK/mnt" || fail "mount"
at_end "! mountpoint -q $WORK/mnt || umount -l $WORK/mnt"

# In a namespace that nobody else sees.
mkfifo "$WORK/hidden-words"
"$(dirname "$0")/../support/own-mounts" bash -c 'mount "$1" "$2/hidden" || exit 1
    while read -r from to <"$2/hidden-words"; do cp "$from" "$2/hidden/$to" && touch "$2/copied-$to"; done' \
    _ "${disk[1]}" "$WORK" &
hidden=$!
at_end "kill $hidden 2>/dev/null; wait $hidden 2>/dev/null"
exec 8<>"$WORK/hidden-words"

upper=$(losetup -f --show "${disk[2]}") && mkfs.ext4 -q "$upper" && mount "$upper" "$WORK/upper" || fail "a loop over ${disk[2]}"
at_end "! mountpoint -q $WORK/upper || umount -l $WORK/upper; losetup -d $upper 2>/dev/null"

exec 9<>"${disk[3]}"
at_end 'exec 9>&-'

write_all() { # FILE
    cp "$WORK/$1" "$WORK/mnt/$1" && cp "$WORK/$1" "$WORK/upper/$1" && dd if="$WORK/$1" bs=1M status=none >&9 &&
        echo "$WORK/$1 $1" >&8 && wait_until 10 test -e "$WORK/copied-$1"
}

exec 7<>"$silent"
at_end 'exec 7>&-'
dd if="$WORK/before" bs=1M count=1 status=none >&7 || fail "write to the other target"
kill -STOP "$test_target_pid"

# ---- the stop -----------------------------------------------------------------------------------
write_all before || fail "write before the stop"
begun=$SECONDS
kill "$iscsid_pid"
wait_until 5 grep -q 'ending: ' "$WORK/iscsid.log" || fail "the stop does not begin"
write_all after || fail "write during the stop"
wait_until 40 eval "! kill -0 $iscsid_pid" || fail "the stop does not end"
took=$((SECONDS - begun))
wait "$iscsid_pid"
status=$?
iscsid_pid=''
[ $took -ge 4 ] || fail "nobody was waited for: $took s"
[ $took -le 25 ] || fail "the stop took $took s"
[ $status -ne 0 ] || fail "disks were taken away, and that is no failure"

says() { grep -qE -- "$1" "$WORK/iscsid.log" || fail "the log does not say '$1'"; }
says "waits for LUN 1 \(${disk[0]#/dev/}\): mounted on $WORK/mnt"
says "waits for LUN 3 \(${disk[2]#/dev/}\): mounted on .*, held by ${upper#/dev/}"
says "waits for LUN 4 \(${disk[3]#/dev/}\): open in bash"
says "LUN 0 \(${silent#/dev/}\): .*may be lost"
! grep 'for the next daemon' "$WORK/iscsid.log" || fail "a disk of FUSE waits for nobody"
! grep -E "LUN [1-4] .*may be lost" "$WORK/iscsid.log" || fail "nothing of the healthy target was lost"

# From here on its users hear errors.
! dd if=/dev/zero bs=4k count=1 oflag=direct of="${disk[3]}" status=none 2>/dev/null || fail "a write to a dead disk succeeds"

# ---- afterwards ---------------------------------------------------------------------------------
exec 9>&- 8>&- 7>&-
kill $hidden; wait $hidden 2>/dev/null
umount -l "$WORK/mnt"; umount -l "$WORK/upper"; losetup -d "$upper"
kill -CONT "$test_target_pid"
start_iscsid
PORTAL=$tgt_portal
expect_exit 0 iscsiadm -m node -p "$PORTAL" -l
mapfile -t disk < <(disks)
for place in 0:mnt 1:hidden; do
    mount "${disk[${place%%:*}]}" "$WORK/${place#*:}" || fail "mount again"
    for file in before after; do
        cmp "$WORK/$file" "$WORK/${place#*:}/$file" || fail "$file of ${place#*:} is lost"
    done
    umount "$WORK/${place#*:}"
done
upper=$(losetup -f --show "${disk[2]}") && mount "$upper" "$WORK/upper" || fail "the loop again"
for file in before after; do cmp "$WORK/$file" "$WORK/upper/$file" || fail "$file of upper is lost"; done
umount "$WORK/upper" && losetup -d "$upper" || fail "umount"
cat "$WORK/before" "$WORK/after" | cmp -n 16777216 - "${disk[3]}" || fail "what a process wrote is lost"
expect_exit 0 iscsiadm -m node -u
