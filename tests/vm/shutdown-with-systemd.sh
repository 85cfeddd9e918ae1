#!/usr/bin/env bash
# A shutdown of the machine with disks in use: filesystems and swap, by fstab and by hand. All of it is
# ended before the sessions are, the sessions before the daemon, nothing waits for a time-out, and what
# was written last, without a sync, is on the target. Usage: run --systemd shutdown-with-systemd.sh
#
# The target is the kernel's and outlives the shutdown; a unit that is stopped last looks at what is left.

# ---- in that unit -------------------------------------------------------------------------------

# expect WORDS COMMAND…
expect() {
    local words=$1
    shift
    "$@" && return
    echo "FAILED: $words"
    verdict=1
}

absent() { ! grep -E "$@"; }

files_are_there() {
    mkdir -p "$work/look" && e2fsck -fn "$1" >"$work/fsck" 2>&1 || { cat "$work/fsck"; return 1; }
    mount -o loop,ro "$1" "$work/look" && (cd "$work/look" && md5sum --quiet -c "$work/sums")
    local status=$?
    umount "$work/look"
    return $status
}

look() {
    local work=$1 verdict=0
    expect "a filesystem is mounted" absent ' /mnt/' /proc/self/mounts
    expect "swap is on" absent ublkb /proc/swaps
    expect "a disk is left" absent ublkb /proc/partitions
    expect "the target has a session" absent -a iqn "$2/tpgt_1/dynamic_sessions"
    expect "iscsid runs" eval '! pgrep -x iscsid'
    expect "I/O errors" absent 'I/O error|EXT4-fs error|EXT4-fs warning|Aborting journal' <(dmesg)
    journalctl -b --no-pager -o short-monotonic >"$work/journal"
    expect "the logout was refused, or something waited" \
        absent 'timed out|iscsi.*(FAILURE|Failed)|device or resource in use' "$work/journal"
    for disk in d0 d1; do
        expect "files of $disk" files_are_there "$work/lio-$disk"
    done
    [ $verdict -eq 0 ] && echo "shut down in order" || tail -n 80 "$work/journal"
    echo $verdict >"/vm/status-$3"
    cut -d . -f 1 /proc/uptime >"/vm/seconds-$3"
}

if [ "${1:-}" = look ]; then
    look "$2" "$3" "$4" >>"/vm/output-$4" 2>&1
    exit
fi

# ---- before -------------------------------------------------------------------------------------

. tests/support/functions.sh
. tests/vm/lio.sh
if [ "$(cat /proc/1/comm)" != systemd ] || ! mountpoint -q /vm; then skip "needs tests/vm/run --systemd"; fi
# From here on the programs and folders are the installed ones.
unset ISCSI_CONFIG_DIR ISCSI_DATABASE_DIR ISCSID_RUNTIME_DIR ISCSID_SOCKET
export PATH=/usr/sbin:/usr/bin SYSTEMD_PAGER='' SYSTEMD_COLORS=0

# Ordered first, so stopped last. It stands where it writes, so that this is not unmounted before.
add_witness() {
    cat >/run/systemd/system/witness.service <<END
[Unit]
DefaultDependencies=no
Before=iscsid.socket iscsid.service iscsi.service
Conflicts=shutdown.target
Before=shutdown.target

[Service]
WorkingDirectory=/vm
ExecStart=/bin/sleep infinity
ExecStop=/bin/bash $(realpath "$0") look $WORK $LIO/iscsi/$TARGET_NAME $VM_SCRIPT
END
    systemctl daemon-reload && systemctl start witness.service || fail "witness"
}

start_lio
for name in d0 d1 d2 d3; do
    lio_disk $name 96M
    lio_map $name "${name#d}"
done
cmake --install "$BUILD" --prefix /usr >"$WORK/install" 2>&1 || fail "install: $(cat "$WORK/install")"
add_witness
udevadm control --reload
systemctl -q enable --now iscsid.socket || fail "iscsid.socket"
discover
expect_exit 0 iscsiadm -m node -o update -n node.startup -v automatic
systemctl start iscsi.service || fail "iscsi.service"
mapfile -t disk < <(disks)
[ ${#disk[@]} -eq 4 ] || fail "four disks expected: ${disk[*]}"

mkdir -p /mnt/fstab /mnt/hand
mkfs.ext4 -q "${disk[0]}" && mkfs.ext4 -q "${disk[1]}" || fail "mkfs"
mkswap "${disk[2]}" >/dev/null && mkswap "${disk[3]}" >/dev/null || fail "mkswap"
path=/dev/disk/by-path/ip-127.0.0.1:3260-iscsi-$TARGET_NAME-lun
swap=$(systemd-escape --path --suffix=swap "$path-2")
printf '%s\n' "$path-0 /mnt/fstab ext4 _netdev 0 0" "$path-2 none swap _netdev 0 0" >/etc/fstab
systemctl daemon-reload && systemctl start mnt-fstab.mount "$swap" || fail "mount and swap by fstab"
mount "${disk[1]}" /mnt/hand && swapon "${disk[3]}" || fail "mount and swap by hand"
(cd libiscsi && find . -type f -exec md5sum {} +) >"$WORK/sums"
cp -r libiscsi/. /mnt/fstab/ && cp -r libiscsi/. /mnt/hand/ || fail "files"
trap - EXIT INT TERM # the witness needs what is here
systemctl --no-block poweroff 2>/dev/null
sleep infinity # ended by the shutdown
