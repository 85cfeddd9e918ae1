#!/usr/bin/env bash
# The daemon as its unit confines it, with each driver: login, filesystem, restart and kill, an unmount and
# logout by iscsi.service, nothing that it was refused. Then the same with iscsid-strict.conf, mounted below
# /run/user. Its CHAP secret is a credential. Prints what systemd-analyze makes of the units. Usage: run --systemd hardened-units.sh
. tests/support/functions.sh
. tests/vm/lio.sh
. tests/vm/systemd.sh

strict=/run/systemd/system/iscsid.service.d/strict.conf

# score UNIT LIMIT: of systemd-analyze security, 10 is no protection at all; LIMIT is in tenths.
score() {
    local line value
    line=$(systemd-analyze security --no-pager "$1" | tail -n 1)
    value=$(grep -oE '[0-9]+\.[0-9]' <<<"$line")
    echo "${line#*for }"
    [ -n "$value" ] && [ "$((10#${value/./}))" -lt "$2" ] || fail "$1: expected less than $2 tenths: $line"
}

# Whether the daemon sees the mounts of the system, and the system those of the daemon.
shares_mounts() { [ "$(readlink "/proc/$(main_pid)/ns/mnt")" = "$(readlink /proc/1/ns/mnt)" ]; }
status_of() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }

# The process that makes the calls is as confined as the daemon.
expect_confined() {
    local pid bounds
    for pid in $(main_pid) $(pgrep -P "$(main_pid)"); do
        [ "$(status_of "$pid" NoNewPrivs)" = 1 ] || fail "$(cat "/proc/$pid/comm") may gain privileges"
        [ "$(status_of "$pid" Seccomp)" = 2 ] || fail "$(cat "/proc/$pid/comm") has no filter of system calls"
        bounds=$(status_of "$pid" CapBnd)
        [ "$bounds" = "$(status_of "$pid" CapEff)" ] || fail "capabilities: $bounds"
        ! capable "$bounds" 25 || fail "$(cat "/proc/$pid/comm") may set the clock" # CAP_SYS_TIME
        ! capable "$bounds" 12 || fail "$(cat "/proc/$pid/comm") has CAP_NET_ADMIN"
        capable "$bounds" 21 || fail "$(cat "/proc/$pid/comm") lacks CAP_SYS_ADMIN"
    done
    [ "$(status_of "$(main_pid)" VmLck | tr -dc 0-9)" -gt 0 ] || fail "its memory is not locked"
    [ "$(cat "/proc/$(main_pid)/oom_score_adj")" = -1000 ] || fail "the OOM killer may end it"
}
capable() { (((16#$1 >> $2) & 1)); }

use() { # DRIVER
    sed -i "s/^#* *iscsid.disk.driver = .*/iscsid.disk.driver = $1/" /etc/iscsi/iscsid.conf
    systemctl restart iscsid.service || journal_fail "restart with $1"
    journalctl --sync
    since=$(journalctl -b -n 0 --show-cursor | sed -n 's/^-- cursor: //p')
}

log_in_and_mount() { # FOLDER
    mnt=$1
    systemctl start iscsi.service || journal_fail "iscsi.service"
    wait_until 20 test -L "$link" || journal_fail "no $link"
    node=$(readlink -f "$link")
    mkdir -p "$mnt" && mkfs.ext4 -qF "$link" && mount "$link" "$mnt" || journal_fail "mkfs and mount"
    dd if=/dev/urandom of="$mnt/data" bs=1M count=4 conv=fsync status=none || fail "write"
    sum=$(md5sum <"$mnt/data")
}

expect_same_data() {
    echo 3 >/proc/sys/vm/drop_caches
    [ "$(md5sum <"$mnt/data")" = "$sum" ] || journal_fail "after $1 the data are others"
    dd if=/dev/zero of="$mnt/more" bs=64k count=4 conv=fsync status=none || journal_fail "no write after $1"
}

another_daemon() { [ "$(main_pid)" != "$old" ] && systemctl -q is-active iscsid.service && iscsiadm -m session >/dev/null; }

kill_it() {
    old=$(main_pid)
    kill -9 "$old"
    wait_until 20 another_daemon || journal_fail "no other daemon"
    expect_same_data "a kill"
}

restart_it() {
    systemctl restart iscsid.service || journal_fail "restart"
    expect_same_data "a restart"
}

# The unit unmounts and logs out; what it could not do for lack of a right would be in the journal.
unmount_and_log_out() {
    systemctl stop iscsi.service || journal_fail "logout: $(systemctl status iscsi.service)"
    ! mountpoint -q "$mnt" || fail "$mnt is still mounted"
    [ ! -e "$node" ] || ! grep -q . "/sys/block/${node#/dev/}/loop/backing_file" 2>/dev/null || fail "$node is left"
    expect_exit 21 iscsiadm -m session
    ! journalctl -b -u iscsid --after-cursor="$since" -o cat | grep -E "not permitted|ermission denied|refused|Read-only" ||
        journal_fail "it was refused something"
}

# FUSE disks that nobody keeps end with their daemon; the next one, in the same mount namespace, clears away
# what is left.
kill_under_fuse() {
    old=$(main_pid)
    kill -9 "$old"
    wait_until 20 eval '[ "$(main_pid)" != "$old" ] && systemctl -q is-active iscsid.service' || journal_fail "no other daemon"
    umount -l "$mnt"
    wait_until 20 eval '! grep -q fuse.iscsid /proc/self/mountinfo && ! grep -qs iscsid /sys/block/loop*/loop/backing_file' ||
        journal_fail "left: $(grep iscsid /proc/self/mountinfo) $(grep -s iscsid /sys/block/loop*/loop/backing_file)"
}

install_from_build
mkdir -p "${strict%/*}"
(umask 077 && echo a-secret-of-systemd >/etc/chap-secret)
printf '[Service]\nLoadCredential=chap:/etc/chap-secret\n' >"${strict%/*}/secret.conf"
systemctl daemon-reload && udevadm control --reload || fail "reload"
systemctl -q enable --now iscsid.socket || journal_fail "iscsid.socket"
start_lio
lio_disk d0 64M
lio_map d0 0
discover
grep -q '^InitiatorName=iqn' /etc/iscsi/initiatorname.iscsi || journal_fail "no initiator name"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -o update -n node.startup -v automatic
lio_set attrib authentication=1
lio_set auth userid=me password=a-secret-of-systemd
for setting in username=me password_file=chap; do
    expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -o update -n "node.session.auth.${setting%%=*}" -v "${setting#*=}"
done
score iscsid.service 56
score iscsi.service 90
score iscsi-init.service 20
for driver in ublk nbd; do
    use "$driver"
    expect_confined
    shares_mounts || fail "the daemon has a mount namespace of its own"
    log_in_and_mount /mnt/disk
    kill_it
    unmount_and_log_out
done
modprobe scsi_transport_iscsi || fail "no classes to show sessions in"
# Mounts of the tree below /sys, too, are for the whole system and for the next daemon.
sed -i "s/^#* *iscsid.compat.sysfs = .*/iscsid.compat.sysfs = Yes/" /etc/iscsi/iscsid.conf
use fuse
expect_confined
log_in_and_mount /mnt/disk
kill_it
ls -d /sys/class/iscsi_host/host*/device/session* >"$WORK/tree" || journal_fail "no session below /sys"
unmount_and_log_out
sed -i "s/^iscsid.compat.sysfs = .*/iscsid.compat.sysfs = No/" /etc/iscsi/iscsid.conf
printf '[Service]\nFileDescriptorStoreMax=0\n' >"${strict%/*}/unkept.conf"
systemctl daemon-reload
use fuse
! ls -d /sys/class/iscsi_host/host*/device/session* 2>/dev/null || fail "sessions are left below /sys"
log_in_and_mount /mnt/disk
kill_under_fuse
systemctl stop iscsi.service || journal_fail "logout after the kill"

cp /usr/share/iscsi-userland/systemd/iscsid-strict.conf "$strict"
systemctl daemon-reload
for driver in ublk nbd; do
    use "$driver"
    score iscsid.service 30
    ! shares_mounts || fail "iscsid-strict.conf has given it no mount namespace"
    expect_confined
    log_in_and_mount /run/user/disk
    if [ "$driver" = ublk ]; then
        restart_it
    else
        [ "$(cat "/sys/block/${node#/dev/}/queue/io_timeout")" = 5000 ] || fail "sysfs cannot be written to"
        kill_it
    fi
    unmount_and_log_out
done
rm -r "${strict%/*}" /etc/chap-secret
rmdir /run/user/disk
sed -i "s/^iscsid.disk.driver = .*/iscsid.disk.driver = auto/" /etc/iscsi/iscsid.conf
systemctl daemon-reload
systemctl stop iscsid.socket iscsid.service
iscsiadm -m node -T "$TARGET_NAME" -o delete || fail "the record stays"
echo "as confined as the units say"
