# shellcheck shell=bash
# LIO, the kernel's target, by its configfs. Sourced inside the guest, after tests/support/functions.sh.

LIO=/sys/kernel/config/target

# start_lio [PORT]: a target $TARGET_NAME on $PORTAL that lets everybody in.
start_lio() {
    PORT=${1:-3260}
    PORTAL=127.0.0.1:$PORT
    modprobe -a loop target_core_mod target_core_file iscsi_target_mod || fail "no LIO"
    mkdir -p "$LIO/iscsi/$TARGET_NAME/tpgt_1/np/$PORTAL" || fail "LIO portal $PORTAL"
    lio_set attrib authentication=0 demo_mode_write_protect=0 generate_node_acls=1 cache_dynamic_acls=1
    echo 1 >"$LIO/iscsi/$TARGET_NAME/tpgt_1/enable"
}

# lio_set attrib|param|auth NAME=VALUE…
lio_set() {
    local kind=$1 pair
    shift
    for pair in "$@"; do
        printf '%s' "${pair#*=}" >"$LIO/iscsi/$TARGET_NAME/tpgt_1/$kind/${pair%%=*}" ||
            fail "LIO $kind $pair"
    done
}

# lio_disk NAME SIZE [ATTRIBUTE=VALUE…]: a file as a device with a write cache, and an identity that
# follows from its name, or from $LIO_SERIAL. The files are in $LIO_FOLDER ($WORK).
lio_disk() {
    local device=$LIO/core/fileio_0/$1 file=${LIO_FOLDER:-$WORK}/lio-$1 pair
    [ -e "$file" ] || truncate -s "$2" "$file"
    mkdir -p "$device" &&
        echo "fd_dev_name=$file,fd_dev_size=$(stat -c %s "$file"),fd_buffered_io=1" >"$device/control" &&
        echo 1 >"$device/enable" &&
        echo "${LIO_SERIAL:-$(echo "$1" | md5sum | cut -c1-32)}" >"$device/wwn/vpd_unit_serial" ||
        fail "LIO disk $1"
    for pair in emulate_tpu=1 emulate_tpws=1 "${@:3}"; do
        echo "${pair#*=}" >"$device/attrib/${pair%%=*}" || fail "LIO disk $1: $pair"
    done
}

# lio_block NAME DEVICE: a block device as it is, with its own block sizes.
lio_block() {
    local device=$LIO/core/iblock_0/$1
    modprobe target_core_iblock
    mkdir -p "$device" && echo "udev_path=$2" >"$device/control" && echo "$2" >"$device/udev_path" &&
        echo 1 >"$device/enable" &&
        echo "$(echo "$1" | md5sum | cut -c1-32)" >"$device/wwn/vpd_unit_serial" || fail "LIO device $1"
}

# lio_map NAME LUN: shows the disk at that number.
lio_map() {
    mkdir "$LIO/iscsi/$TARGET_NAME/tpgt_1/lun/lun_$2" &&
        ln -s "$LIO"/core/*_0/"$1" "$LIO/iscsi/$TARGET_NAME/tpgt_1/lun/lun_$2/disk" ||
        fail "LIO LUN $2"
}

lio_unmap() {
    rm -f "$LIO/iscsi/$TARGET_NAME/tpgt_1/lun/lun_$1/disk"
    rmdir "$LIO/iscsi/$TARGET_NAME/tpgt_1/lun/lun_$1"
}

# lio_clear: no target and no disk is left.
lio_clear() {
    local group
    [ -d "$LIO" ] || return 0
    for group in "$LIO"/iscsi/iqn*/tpgt_*; do
        [ -d "$group" ] || continue
        echo 0 >"$group/enable"
        find "$group/lun" "$group/acls" -mindepth 2 -type l -delete
        find "$group/acls" -mindepth 2 -maxdepth 2 -name 'lun_*' -exec rmdir {} +
        find "$group/lun" "$group/acls" "$group/np" -mindepth 1 -maxdepth 1 -type d -exec rmdir {} +
        rmdir "$group" && rmdir --ignore-fail-on-non-empty "${group%/*}"
    done
    find "$LIO/core" -mindepth 2 -maxdepth 2 -type d -name '[a-z]*' -path '*_0/*' -exec rmdir {} +
}

# Nobody is let in, and who is in is thrown out.
lio_disable() { echo 0 >"$LIO/iscsi/$TARGET_NAME/tpgt_1/enable"; }
lio_enable() { echo 1 >"$LIO/iscsi/$TARGET_NAME/tpgt_1/enable"; }

# use_driver NAME: what iscsid.conf asks for.
use_driver() {
    sed "s/^#* *iscsid.disk.driver *=.*/iscsid.disk.driver = $1/" \
        "$VM_REPOSITORY/etc/iscsi/iscsid.conf" >"$ISCSI_CONFIG_DIR/iscsid.conf"
    grep -q "^iscsid.disk.driver = $1$" "$ISCSI_CONFIG_DIR/iscsid.conf" ||
        echo "iscsid.disk.driver = $1" >>"$ISCSI_CONFIG_DIR/iscsid.conf"
}
