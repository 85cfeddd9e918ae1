#!/usr/bin/env bash
# A system whose root filesystem is on a LUN: an image that mkinitramfs or dracut has made logs in with iscsistart,
# systemd starts on the disk, iscsid takes it over, is restarted and killed under I/O with nothing of the disk in the page
# cache, and the machine is powered off. Afterwards the filesystem on the LUN is clean and has all that was written.
# Runs here, not in a guest: tests/vm/root-on-iscsi.sh ublk|nbd [initramfs-tools|dracut]
#
# The target is LIO in the same kernel: the initramfs starts it before it logs in, and it is there to the end.
. "$(dirname "$0")/../support/functions.sh"
root=$PWD
die() { fail "$*"; }
. tests/vm/machine.sh
export processors=1
driver=${1:-ublk}
maker=${2:-initramfs-tools}
limit=${LIMIT:-300}
requires_root
requires qemu-system-x86_64 mke2fs e2fsck debugfs dpkg unshare
path=/dev/disk/by-path/ip-127.0.0.1:3260-iscsi-$TARGET_NAME-lun-0
packages=(base-files base-passwd bash dash coreutils util-linux util-linux-extra mount systemd systemd-sysv udev
    kmod procps grep sed mawk findutils diffutils login passwd)

# ---- the system on the LUN ------------------------------------------------------------------------

# What Debian's packages have, and the libraries of their programs. The loader is always among these.
copy_system() {
    local to=$1 link
    mkdir -p "$to"/usr/{bin,sbin,lib,lib64} "$to"/{etc,proc,sys,dev,run,var/lib,tmp,root}
    for link in bin sbin lib lib64; do
        ln -s "usr/$link" "$to/$link"
    done
    dpkg -L "${packages[@]}" 2>/dev/null |
        grep -vE '^/(usr/share/(doc|man|locale|zsh|info|lintian|bash-completion)|usr/lib/udev/hwdb|lib/udev/hwdb)' |
        sort -u | while IFS= read -r file; do
        [ ! -L "$file" ] && [ ! -f "$file" ] || echo ".$file"
    done >"$WORK/files"
    copy_files "$to"
}

copy_files() { tar -C / -c --no-recursion --files-from "$WORK/files" | tar -C "$1" -x --keep-directory-symlink; }

add_libraries() {
    find "$1" -type f \( -perm /111 -o -name '*.so*' \) -exec sh -c 'ldd "$@" 2>/dev/null' _ {} + |
        sed -nE 's/^.*=> (\/[^ ]+) .*/\1/p; s/^[[:blank:]]*(\/lib64[^ ]*) .*/\1/p' | sort -u |
        while IFS= read -r file; do printf '.%s\n.%s\n' "$file" "$(readlink -f "$file")"; done | sort -u >"$WORK/files"
    copy_files "$1"
}

# For both: the system and the image of the initramfs.
install_ours() {
    DESTDIR=$1 cmake --install "$BUILD" --strip --prefix /usr >"$WORK/install" 2>&1 || fail "$(cat "$WORK/install")"
    echo "InitiatorName=$INITIATOR_NAME" >"$1/etc/iscsi/initiatorname.iscsi"
    [ "$driver" = ublk ] || echo "iscsid.disk.driver = $driver" >>"$1/etc/iscsi/iscsid.conf"
}

enable_units() {
    local units=$1/etc/systemd/system unit
    mkdir -p "$units"/{sockets,remote-fs,multi-user}.target.wants
    ln -s /usr/lib/systemd/system/iscsid.socket "$units/sockets.target.wants/"
    ln -s /usr/lib/systemd/system/iscsi.service "$units/remote-fs.target.wants/"
    for unit in getty.target systemd-logind.service systemd-timesyncd.service systemd-hwdb-update.service \
        systemd-firstboot.service systemd-binfmt.service systemd-networkd.service systemd-modules-load.service \
        systemd-update-done.service systemd-journal-catalog-update.service systemd-sysusers.service; do
        ln -s /dev/null "$units/$unit"
    done
    install -m 755 tests/vm/lun-system/check "$1/check"
    cat >"$units/check.service" <<END
[Unit]
After=multi-user.target
[Service]
Type=exec
ExecStart=/check $driver $TARGET_NAME
END
    ln -s ../check.service "$units/multi-user.target.wants/"
}

make_lun() {
    local to=$WORK/system
    copy_system "$to"
    install_ours "$to"
    add_libraries "$to"
    enable_units "$to"
    echo "$path / ext4 errors=remount-ro 0 0" >"$to/etc/fstab"
    echo 0123456789abcdef0123456789abcdef >"$to/etc/machine-id"
    printf 'root:x:0:0::/root:/bin/bash\n' >"$to/etc/passwd"
    printf 'root:x:0:\n' >"$to/etc/group"
    mke2fs -q -t ext4 -d "$to" "$WORK/lun" 320M >"$WORK/mke2fs" 2>&1 || fail "$(cat "$WORK/mke2fs")"
}

# ---- the initramfs --------------------------------------------------------------------------------

# In a system of its own: this one, with the maker of images and ours above it.
make_initramfs() {
    export WORK BUILD INITIATOR_NAME TARGET_NAME unpacked version driver maker
    export -f make_image install_ours fail mount_system run_initramfs-tools run_dracut
    unshare --mount bash -c make_image >"$WORK/image.log" 2>&1 && [ -s "$WORK/initramfs" ] ||
        fail "$maker: $(cat "$WORK/image.log")"
}

# mount_system FOLDER
mount_system() {
    local over=$WORK/mounts place
    mkdir -p "$over" && mount -t tmpfs mounts "$over" && mkdir -p "$over"/{upper,work,files} "$1" &&
        mount -t overlay -o "lowerdir=/,upperdir=$over/upper,workdir=$over/work" overlay "$1" || exit
    for place in proc sys dev; do
        mount --bind "/$place" "$1/$place" || exit
    done
    mkdir -p "$1/lib/modules" "$1/tmp" "$1/var/tmp"
    mount --bind "$unpacked/lib/modules" "$1/lib/modules" && mount -t tmpfs tmp "$1/tmp" &&
        mount -t tmpfs tmp "$1/var/tmp" || exit
    cp "$unpacked/boot/config-$version" "$1/boot/"
}

make_image() {
    local system=$WORK/mounts/system package
    mount_system "$system"
    for package in "$WORK"/packages/*.deb; do
        dpkg -x "$package" "$WORK/mounts/files" || exit
    done
    tar -C "$WORK/mounts/files" -c . | tar -C "$system" -x --keep-directory-symlink
    install_ours "$system"
    "run_$maker" "$system" virtio_pci virtio_blk ext4 configfs target_core_mod target_core_iblock iscsi_target_mod crc32c
    cp "$system/initramfs.image" "$WORK/initramfs"
}

# run_… FOLDER MODULE…: makes /initramfs.image there.
run_initramfs-tools() {
    sed -i 's/^MODULES=.*/MODULES=list/; s/^COMPRESS=.*/COMPRESS=gzip/' "$1/etc/initramfs-tools/initramfs.conf"
    printf '%s\n' "${@:2}" >>"$1/etc/initramfs-tools/modules"
    install -m 755 tests/vm/lun-system/target "$1/etc/initramfs-tools/scripts/init-premount/target"
    chroot "$1" mkinitramfs -o /initramfs.image "$version"
}

run_dracut() {
    local module=$1/usr/lib/dracut/modules.d/99target
    mkdir "$module" && install -m 755 tests/vm/lun-system/target "$module/target"
    cat >"$module/module-setup.sh" <<END
check() { return 0; }
installkernel() { hostonly='' instmods ${*:2}; }
install() { inst_multiple ip sleep mkdir ln mount modprobe && inst_simple "\$moddir/target" /sbin/target &&
    inst_hook pre-trigger 10 "\$moddir/start.sh"; }
END
    echo /sbin/target >"$module/start.sh"
    chmod +x "$module"/*.sh
    chroot "$1" env PATH=/usr/sbin:/usr/bin:/sbin:/bin dracut --no-hostonly --gzip --nostrip \
        --add "iscsi-userland target systemd-networkd" --drivers "ext4 virtio_pci virtio_blk" \
        --omit "plymouth lvm mdraid crypt btrfs nfs cifs nbd fcoe" --omit-drivers ".*/gpu/.* .*/sound/.* .*/infiniband/.* .*/net/.*" /initramfs.image "$version"
}

fetch_maker() {
    local packages=(initramfs-tools-core klibc-utils libklibc)
    [ "$maker" != dracut ] || packages=(dracut-core dracut-network)
    mkdir "$WORK/packages" && chmod 755 "$WORK" "$WORK/packages"
    (cd "$WORK/packages" && apt-get -qq download "${packages[@]}") >"$WORK/apt" 2>&1 ||
        skip "apt-get could not download ${packages[*]}: $(tail -n 1 "$WORK/apt")"
}

# ---- the run --------------------------------------------------------------------------------------

# As users of open-iscsi have them there.
boot_words() {
    echo "rw systemd.show_status=false panic=-1"
    case $maker in
    initramfs-tools) echo "ip=off root=iscsi:127.0.0.1:6:3260:0:$TARGET_NAME iscsi_target_group=1" ;;
    dracut) echo "root=$path netroot=iscsi:127.0.0.1::3260:0:$TARGET_NAME rd.iscsi.initiator=$INITIATOR_NAME rd.neednet=0" ;;
    esac
}

boot() {
    # shellcheck disable=SC2154 # of machine.sh
    emulate "$limit" 1024 "$WORK/console" -initrd "$WORK/initramfs" -nic none \
        -append "$kernel_words $(boot_words | xargs)" \
        -drive "file=$WORK/lun,format=raw,if=virtio,cache=unsafe" >"$WORK/qemu" 2>&1
}

console_fail() {
    grep -a 'check: ' "$WORK/console" >&2
    tail -n 80 "$WORK/console" "$WORK/qemu" >&2
    fail "$@"
}

# What the target's disk has when the machine is off.
look_at_lun() {
    ! grep -aE 'I/O error|EXT4-fs error|EXT4-fs warning|Aborting journal|hung_task|Kernel panic' "$WORK/console" ||
        console_fail "I/O errors"
    dumpe2fs -h "$WORK/lun" 2>/dev/null >"$WORK/super"
    grep -q 'Filesystem state: *clean$' "$WORK/super" && ! grep -q needs_recovery "$WORK/super" ||
        console_fail "the filesystem was not left clean: $(cat "$WORK/super")"
    e2fsck -fn "$WORK/lun" >"$WORK/fsck" 2>&1 || console_fail "$(cat "$WORK/fsck")"
    mkdir "$WORK/data" && debugfs -R "rdump /data $WORK/data" "$WORK/lun" >"$WORK/debugfs" 2>&1
    (cd "$WORK/data/data" && md5sum --quiet -c sums) || console_fail "files differ"
    echo "$(wc -l <"$WORK/data/data/sums") files are as they were written"
}

fetch_kernel 6.12
fetch_maker
make_lun
make_initramfs
boot || console_fail "no end within $limit s"
grep -aq 'check: all is well' "$WORK/console" || console_fail "the system did not get to its end"
grep -a 'check: ' "$WORK/console" | tr -d '\r'
look_at_lun
echo "root on $driver, by $maker: booted, restarted, powered off clean"
