#!/usr/bin/env bash
# The words of Debian's open-iscsi, by which an initramfs logs in: /etc/iscsi.initramfs, the kernel's command line,
# root=iscsi:…, with CHAP in both directions, and iscsi_auto for the firmware, whose network device gets its address.
# The script of initramfs-tools runs in this machine's root under an overlay, in a network of its own; a boot by it is
# in tests/vm/root-on-iscsi.sh.
here=$(realpath "$(dirname "$0")")
if [ -z "${IN_OWN_NAMESPACE:-}" ] && [ "$(id -u)" -eq 0 ]; then
    IN_OWN_NAMESPACE=yes exec unshare --net "$here/../support/own-mounts" bash "$0" "$@"
fi
. "$here/../support/functions.sh"
requires_root
requires ip nsenter
boot=$ISCSID_RUNTIME_DIR/boot root=$WORK/root script=$PWD/etc/boot/local-top
export ISCSI_SYSFS_DIR=$WORK/sys
account() { tgtadm --lld iscsi --mode account "$@" || fail "tgtadm account $*"; }
boot_pid() { cat "$boot/iscsid.pid" 2>/dev/null; }
end_boot_daemon() {
    local pid
    pid=$(boot_pid) || fail "nobody has logged in"
    kill "$pid" && wait_until 20 eval "! kill -0 $pid" || fail "the daemon of the initramfs does not end"
}
at_end 'pid=$(boot_pid) && kill "$pid" && wait_until 20 eval "! kill -0 $pid"'

# What an initramfs has besides its programs.
make_root() {
    local place
    mkdir -p "$WORK/over" "$root"
    mount -t tmpfs tmp "$WORK/over" && at_end "umount $WORK/over"
    mkdir "$WORK/over/upper" "$WORK/over/work"
    mount -t overlay -o "lowerdir=/,upperdir=$WORK/over/upper,workdir=$WORK/over/work" overlay "$root" || skip "needs overlayfs"
    at_end "umount -R $root"
    for place in proc dev sys; do
        mount --rbind "/$place" "$root/$place" || fail "/$place"
    done
    mkdir -p "$root/$WORK" "$root/$PWD" "$root/$BUILD"
    for place in "$WORK" "$PWD" "$BUILD"; do
        mount --bind "$place" "$root/$place" || fail "$place"
    done
    mount -t tmpfs run "$root/run"
    mkdir -p "$root/scripts" "$root/conf/conf.d" "$root/run/initramfs" "$WORK/bin"
    echo 'configure_networking() { echo asked >>/run/configured; }' >"$root/scripts/functions"
    : >"$root/conf/initramfs.conf"
    printf '#!/bin/sh\n' | tee "$WORK/bin/udevadm" >"$WORK/bin/modprobe"
    chmod +x "$WORK/bin"/*
    touch "$WORK/cmdline"
    mount --bind "$WORK/cmdline" "$root/proc/cmdline" || fail "the command line"
}

# boots WORDS: as the kernel is given them.
boots() {
    echo "root=/dev/none quiet $1" >"$WORK/cmdline"
    PATH=$WORK/bin:$PATH chroot "$root" /bin/sh "$script" >"$WORK/out" 2>&1 || fail "it ended with $?: $(cat "$WORK/out")"
}

# expect_session INITIATOR TARGET: the one that the target has, which is ended.
expect_session() {
    tgtadm --lld iscsi --op show --mode target >"$WORK/shown"
    grep -q "Initiator: $1" "$WORK/shown" || fail "no session of $1: $(cat "$WORK/out" "$WORK/shown")"
    [ "$(ISCSID_SOCKET=$boot/iscsid.sock iscsiadm -m session | wc -l)" -eq 1 ] || fail "not one session"
    ISCSID_SOCKET=$boot/iscsid.sock iscsiadm -m session | grep -qF "$2 (non-flash)" || fail "it is not that of $2"
    end_boot_daemon
    rm -rf "$boot"
}

by_words() {
    boots ''
    ! boot_pid || fail "a login without a word"
    local where="iscsi_target_ip=127.0.0.1 iscsi_target_port=$PORT"
    boots "iscsi_initiator=$INITIATOR_NAME:words iscsi_target_name=$TARGET_NAME $where"
    expect_session "$INITIATOR_NAME:words" "$TARGET_NAME"
    [ -s "$root/run/configured" ] || fail "the network was not asked for"
    boots "iscsi_initiator=$INITIATOR_NAME:both iscsi_target_name=$TARGET_NAME-chap $where iscsi_username=alice \
iscsi_password=$SECRET iscsi_in_username=disk iscsi_in_password=$TARGET_SECRET"
    ! grep -qF "$SECRET" "$WORK/out" || fail "the secret is shown"
    expect_session "$INITIATOR_NAME:both" "$TARGET_NAME-chap"
    boots "iscsi_initiator=$INITIATOR_NAME:root root=iscsi:alice:$SECRET@127.0.0.1::$PORT:1:$TARGET_NAME-chap"
    expect_session "$INITIATOR_NAME:root" "$TARGET_NAME-chap"
}

# The name is that of the system; a word of the command line goes before the file.
by_file() {
    echo "InitiatorName=$INITIATOR_NAME:file" >"$root/etc/initiatorname.iscsi"
    printf 'ISCSI_TARGET_NAME=%s\nISCSI_TARGET_IP="127.0.0.9 127.0.0.1"\nISCSI_TARGET_PORT=%s\n' "$TARGET_NAME-none" "$PORT" \
        >"$root/etc/iscsi.initramfs"
    printf 'ISCSI_USERNAME=alice\nISCSI_PASSWORD=%s\n' "$SECRET" >>"$root/etc/iscsi.initramfs"
    sed -i '/^node.session.initial_login_retry_max/d' "$ISCSI_CONFIG_DIR/iscsid.conf"
    echo "node.session.initial_login_retry_max = 1" >>"$ISCSI_CONFIG_DIR/iscsid.conf"
    boots "iscsi_target_name=$TARGET_NAME-chap"
    expect_session "$INITIATOR_NAME:file" "$TARGET_NAME-chap"
    rm "$root/etc/iscsi.initramfs"
}

# field FILE TEXT, of the iBFT
field() {
    mkdir -p "$ISCSI_SYSFS_DIR/firmware/ibft/$(dirname "$1")"
    echo "$2" >"$ISCSI_SYSFS_DIR/firmware/ibft/$1"
}

# Its target is behind a network device that nobody has set up yet.
by_firmware() {
    unshare --net sleep 1000 &
    local far=$!
    at_end "kill $far 2>/dev/null"
    wait_until 10 eval "[ \"\$(readlink /proc/$far/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]" || fail "no namespace"
    ip link add fw0 address 52:54:00:00:00:01 type veth peer name far0 netns $far || skip "needs veth"
    nsenter --net --target $far sh -c "ip link set lo up; ip addr add 192.0.2.1/24 dev far0; ip link set far0 up"
    stop_target
    PORTAL=192.0.2.1:3260 PORT=3260
    nsenter --net --target $far tgtd -f --iscsi portal="$PORTAL" >>"$WORK/tgtd.log" 2>&1 &
    # shellcheck disable=SC2034 # stop_target ends it
    tgtd_pid=$!
    wait_until 10 tgtadm --lld iscsi --op show --mode sys || fail "tgtd"
    add_target 1 "$TARGET_NAME" 32M
    field initiator/initiator-name "$INITIATOR_NAME:firmware"
    field ethernet0/flags 3
    field ethernet0/index 0
    field ethernet0/mac 52:54:00:00:00:01
    field ethernet0/ip-addr 192.0.2.7
    field ethernet0/subnet-mask 255.255.255.0
    field target0/flags 3
    field target0/target-name "$TARGET_NAME"
    field target0/ip-addr 192.0.2.1
    field target0/port 3260
    field target0/nic-assoc 0
    mkdir -p "$ISCSI_SYSFS_DIR/class/net/fw0"
    echo 52:54:00:00:00:01 >"$ISCSI_SYSFS_DIR/class/net/fw0/address"
    boots iscsi_auto
    ip -4 addr show dev fw0 | grep -q "inet 192.0.2.7/24" || fail "no address: $(ip addr) $(cat "$WORK/out")"
    grep -q "^IPV4ADDR='192.0.2.7'$" "$root/run/net-fw0.conf" || fail "its file: $(cat "$root"/run/net-*)"
    [ "$(cat "$root/run/initramfs/open-iscsi.interface")" = fw0 ] || fail "ifupdown is not told"
    expect_session "$INITIATOR_NAME:firmware" "$TARGET_NAME"
}

ip link set lo up
cp etc/iscsi/iscsid.conf "$ISCSI_CONFIG_DIR/"
echo "iscsid.disk.driver = export" >>"$ISCSI_CONFIG_DIR/iscsid.conf" # needs nothing of the kernel
make_root
start_target
add_target 1 "$TARGET_NAME" 32M
add_target 2 "$TARGET_NAME-chap" 32M
account --op new --user alice --password "$SECRET"
account --op new --user disk --password "$TARGET_SECRET"
account --op bind --tid 2 --user alice
account --op bind --tid 2 --user disk --outgoing
by_words
by_file
by_firmware
