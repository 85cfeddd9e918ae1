#!/usr/bin/env bash
# One unit through two portals as one map of multipathd: each path is lost and comes back under verified
# I/O on a filesystem; what is on a path is shown for the map alone. Usage: multipath.sh ublk|nbd
# $BUILD/multipath: Debian's packages (fetch_packages in tests/support/packages.sh).
. tests/support/functions.sh
. tests/vm/lio.sh
driver=${1:?ublk or nbd}
[ -e "$BUILD/multipath/files" ] || skip "multipath-tools are not there"
export ISCSID_RUNTIME_DIR=/run/iscsid # the rules look there
mnt=/mnt/map

# Into the guest's overlay, with our rules and the drop-in.
install_multipath() {
    local package
    for package in "$BUILD"/multipath/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C / || fail "$package"
    done
    mkdir -p /etc/multipath/conf.d /run/udev/rules.d
    cp etc/multipath/iscsi-userland.conf /etc/multipath/conf.d/
    cp etc/udev/rules.d/59-iscsi-userland.rules /run/udev/rules.d/
    printf 'defaults {\n\tfind_multipaths yes\n\tpolling_interval 1\n}\n' >/etc/multipath.conf
    udevadm control --reload
    modprobe dm-multipath && multipathd || fail "multipathd"
    at_end "multipathd shutdown"
}

# second_portal: a portal group of its own, so that it can be taken away alone.
second_portal() {
    local group=$LIO/iscsi/$TARGET_NAME/tpgt_2
    mkdir -p "$group/np/127.0.0.1:3261" "$group/lun/lun_0" || fail "second portal"
    ln -s "$LIO"/core/*_0/d0 "$group/lun/lun_0/disk" || fail "LUN of the second portal"
    for each in authentication=0 demo_mode_write_protect=0 generate_node_acls=1 cache_dynamic_acls=1; do
        echo "${each#*=}" >"$group/attrib/${each%=*}" || fail "$each"
    done
    echo 1 >"$group/enable"
}

# path_states: "active ublkb0" for each path.
path_states() { multipathd show paths format "%t %d" | tail -n +2 | awk '{ print $1, $2 }' | sort; }
paths_are() { [ "$(path_states | cut -d' ' -f1 | xargs)" = "$*" ]; }

expect_paths() { wait_until 60 paths_are "$@" || fail "expected $*: $(multipathd show paths; multipath -ll)"; }

map_name() { dmsetup ls --target multipath | awk '{ print $1 }'; }
is_mapped() { [ -b "/dev/mapper/$(map_name)" ]; }

expect_one_map() {
    wait_until 60 is_mapped || fail "no map: $(multipathd show paths; multipath -v3 -ll; udevadm info "${disk[0]}")"
    [ "$(map_name | wc -l)" -eq 1 ] || fail "maps: $(map_name)"
    map=/dev/mapper/$(map_name)
    expect_paths active active
}

# The links of its filesystem are the map's.
expect_filesystem_of_the_map() {
    local uuid each
    uuid=$(blkid -o value -s UUID "$map")
    udevadm settle --timeout=30
    wait_until 20 test "/dev/disk/by-uuid/$uuid" -ef "$map" || fail "by-uuid is $(readlink -f "/dev/disk/by-uuid/$uuid")"
    for each in "${disk[@]}"; do
        udevadm info --query=property "$each" | grep -qx ID_FS_TYPE=mpath_member || fail "$(udevadm info "$each")"
        ! udevadm info --query=symlink "$each" | grep -q by-uuid || fail "$(udevadm info "$each")"
    done
}

start_verified_io() {
    fio --name=verify --filename="$mnt/file" --direct=1 --ioengine=libaio --iodepth=8 --rw=randrw --bs=4k \
        --size=16m --io_size=1g --loops=1000 --verify=crc32c --verify_backlog=256 --verify_fatal=1 \
        --verify_state_save=0 --time_based --runtime=1000 --rate_iops=50 --output="$WORK/fio" &
    fio_pid=$!
    wait_until 20 test -s "$mnt/file" || fail "fio does not start"
}

completed() { awk '{ print $1 + $5 }' "/sys/class/block/$(basename "$(readlink -f "$map")")/stat"; }
has_moved() { [ "$(completed)" -gt "$1" ]; }

# lose GROUP: its path fails, I/O goes on through the other, the path comes back.
lose() {
    local begin=$SECONDS
    echo 0 >"$LIO/iscsi/$TARGET_NAME/tpgt_$1/enable"
    expect_paths active failed
    echo "group $1 is gone: its path failed after $((SECONDS - begin)) s"
    wait_until 60 has_moved $(($(completed) + 20)) || fail "no I/O without group $1: $(multipath -ll; dmesg | tail -n 20)"
    kill -0 "$fio_pid" 2>/dev/null || fail "fio ended: $(cat "$WORK/fio")"
    echo 1 >"$LIO/iscsi/$TARGET_NAME/tpgt_$1/enable"
    expect_paths active active
    wait_until 60 has_moved $(($(completed) + 20)) || fail "no I/O after group $1 has come back"
}

end_verified_io() {
    kill -INT "$fio_pid"
    wait "$fio_pid" || [ $? -eq 128 ] || fail "fio: $(cat "$WORK/fio")"
    grep -q 'err= 0' "$WORK/fio" || fail "fio: $(cat "$WORK/fio")"
    ! dmesg | grep -E 'EXT4-fs error|Aborting journal|Buffer I/O error on dev dm' || fail "errors of the filesystem"
}

start_lio
lio_disk d0 64M
lio_map d0 0
second_portal
install_multipath
use_driver "$driver"
cat >>"$ISCSI_CONFIG_DIR/iscsid.conf" <<END
node.session.timeo.replacement_timeout = 2
node.conn[0].timeo.noop_out_interval = 1
node.conn[0].timeo.noop_out_timeout = 2
END
start_iscsid
log_in
[ ${#disk[@]} -eq 2 ] || fail "two disks expected: ${disk[*]}"
expect_one_map
mkfs.ext4 -q "$map" && mkdir -p $mnt && mount "$map" $mnt || fail "mount of the map"
expect_filesystem_of_the_map
start_verified_io
lose 1
lose 2
end_verified_io
expect_exit 28 iscsiadm -m node -u # a path in use
umount $mnt && multipath -f "$(map_name)" || fail "the map cannot be taken down"
log_out
echo "one map of two paths: no error"
