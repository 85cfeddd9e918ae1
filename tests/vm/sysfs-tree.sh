#!/usr/bin/env bash
# iscsid.compat.sysfs beside the kernel's own SCSI hosts and under udevd: real hosts stay what they are,
# one that comes later is seen, udev names the disks as ever and takes nothing of the tree for a device,
# and the next daemon shows what it takes over. Usage: sysfs-tree.sh ublk|nbd
here=$(dirname "$0")
. "$here/../support/functions.sh"
. "$here/lio.sh"
export ISCSID_RUNTIME_DIR=/run/iscsid # the rules look there
mkdir -p /run/udev/rules.d
cp "$VM_REPOSITORY/etc/udev/rules.d/59-iscsi-userland.rules" /run/udev/rules.d/
udevadm control --reload
modprobe -a scsi_transport_iscsi scsi_debug || fail "no modules"
start_lio
lio_disk d0 64M
lio_disk d1 32M
lio_map d0 0
lio_map d1 1
use_driver "${1:?ublk or nbd}"
sed -i 's/^iscsid.compat.sysfs = .*/iscsid.compat.sysfs = Yes/' "$ISCSI_CONFIG_DIR/iscsid.conf"
real_hosts() { (cd /sys/class/scsi_host && for host in host?; do readlink -f "$host"; done); }
real_devices() { (cd /sys/bus/scsi/devices && for each in [0-9]:*; do readlink -f "$each"; done); }
hosts_before=$(real_hosts)
devices_before=$(real_devices)
[ -n "$hosts_before" ] && [ -n "$devices_before" ] || fail "no SCSI host of the kernel"
start_iscsid
discover
expect_exit 0 iscsiadm -m node -o update -n node.session.scan -v manual
expect_exit 0 iscsiadm -m node -l
[ "$(grep -c " /sys/class .*iscsid:" /proc/self/mounts)" -eq 0 ] || fail "all of /sys/class is covered"
[ "$(real_hosts)" = "$hosts_before" ] || fail "the kernel's hosts: $(real_hosts)"
[ "$(real_devices)" = "$devices_before" ] || fail "the kernel's devices: $(real_devices)"

printf '0 0 1' >/sys/class/scsi_host/host1001/scan || fail "scan"
link=/dev/disk/by-path/ip-$PORTAL-iscsi-$TARGET_NAME-lun-1
[ -b "$link" ] || fail "no $link when the scan has ended"
[ "$(basename "$(readlink -f "$link")")" = "$(ls /sys/bus/scsi/devices/1001:0:0:1/block)" ] || fail "the link leads elsewhere"
[ ! -e "${link%1}0" ] || fail "LUN 0 was attached, too"

# Another host of the kernel.
echo 1 >/sys/bus/pseudo/drivers/scsi_debug/add_host || fail "no other host"
is_seen() { [ "$(real_hosts | wc -l)" -gt "$(echo "$hosts_before" | wc -l)" ]; }
wait_until 10 is_seen || fail "a host of the kernel is not seen: $(ls /sys/class/scsi_host)"
echo -1 >/sys/bus/pseudo/drivers/scsi_debug/add_host
is_gone() { [ "$(real_hosts)" = "$hosts_before" ]; }
wait_until 10 is_gone || fail "a host that has gone is still seen: $(ls /sys/class/scsi_host)"

# udev walks all of it.
udevadm trigger && udevadm trigger --type=subsystems && udevadm settle --timeout=60 || fail "udev stumbles"
udevadm info --export-db >"$WORK/udev" || fail "udev's database"
grep -E 'host100[0-9]|session1$|1001:0:0' "$WORK/udev" && fail "udev takes the tree for devices"
[ -b "$link" ] || fail "udev has taken $link away"
lsblk >"$WORK/lsblk" && grep -q "$(basename "$(readlink -f "$link")")" "$WORK/lsblk" || fail "lsblk"

# The next daemon.
kill -9 "$iscsid_pid"
wait "$iscsid_pid" 2>/dev/null
iscsid_pid=''
[ "$(real_hosts)" = "$hosts_before" ] || fail "the kernel's hosts without a daemon: $(real_hosts)"
start_iscsid
is_back() { [ "$(cat /sys/class/iscsi_session/session1/state)" = LOGGED_IN ] && [ -d /sys/bus/scsi/devices/1001:0:0:1 ]; }
wait_until 30 is_back || fail "the session is not shown again"
echo 1 >/sys/bus/scsi/devices/1001:0:0:1/delete || fail "delete"
[ ! -e "$link" ] || fail "$link is left"
log_out
stop_iscsid || fail "iscsid ended with $?"
grep "iscsid:" /proc/self/mounts && fail "mounts are left"
[ "$(real_hosts)" = "$hosts_before" ] || fail "the kernel's hosts at the end: $(real_hosts)"
rmmod scsi_debug
