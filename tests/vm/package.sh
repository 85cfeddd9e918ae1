#!/usr/bin/env bash
# The Debian package under systemd: installed, mounted from as at a boot, upgraded under verified I/O, not
# removed while a session is up, removed, installed again, purged. Usage: run --systemd package.sh
. tests/support/functions.sh
. tests/vm/lio.sh
. tests/vm/dpkg.sh
mnt=/mnt/disk
name=/etc/iscsi/initiatorname.iscsi

state_of() { dpkg-query -W -f '${db:Status-Status}' iscsi-userland 2>/dev/null; }
session_lines() { iscsiadm -m session; }

expect_installed() {
    [ "$(stat -c %a $name /etc/iscsi/iscsid.conf /var/lib/iscsi | xargs)" = "600 600 700" ] || fail "modes"
    grep -q '^InitiatorName=iqn' $name || fail "no initiator name"
    [ "$(readlink /etc/iscsi/nodes)" = /var/lib/iscsi/nodes ] || fail "no link to the records"
    [ "$(systemctl is-enabled iscsid.socket iscsi.service open-iscsi.service | xargs)" = "enabled enabled alias" ] ||
        fail "not enabled: $(systemctl is-enabled iscsid.socket iscsi.service open-iscsi.service | xargs)"
    [ "$(systemctl is-active iscsid.socket iscsi.service | sort -u)" = active ] || dpkg_fail "units are not active"
    dpkg --verify iscsi-userland >"$WORK/verify" && [ ! -s "$WORK/verify" ] || fail "$(cat "$WORK/verify")"
}

log_in_and_mount() {
    discover
    expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -o update -n node.startup -v automatic
    systemctl restart iscsi.service || dpkg_fail "iscsi.service"
    wait_until 10 test -L "$link" || dpkg_fail "no $link"
    mkfs.ext4 -q "$link" && mkdir -p "$mnt" || fail "mkfs"
    echo "$link $mnt ext4 _netdev 0 0" >/etc/fstab
    systemctl daemon-reload && systemctl start mnt-disk.mount || fail "mount"
}

# What the package has enabled is what logs in and mounts at a boot.
mount_as_at_a_boot() {
    systemctl stop mnt-disk.mount remote-fs.target iscsi.service iscsid.service iscsid.socket || dpkg_fail "stop"
    ! mountpoint -q "$mnt" && [ ! -e "$link" ] || fail "it is not as before a boot"
    systemctl start sockets.target remote-fs.target || dpkg_fail "remote-fs.target"
    mountpoint -q "$mnt" || dpkg_fail "$mnt is not mounted: $(systemctl status mnt-disk.mount)"
}

start_verified_io() {
    fio --name=verify --filename="$mnt/file" --direct=1 --ioengine=libaio --iodepth=8 \
        --rw=randrw --bs=4k --size=32m --io_size=1g --loops=1000 --verify=crc32c \
        --verify_backlog=256 --verify_fatal=1 --verify_state_save=0 --time_based --runtime=1000 \
        --rate_iops=100 --output="$WORK/fio" &
    fio_pid=$!
    wait_until 20 test -s "$mnt/file" || fail "fio does not start"
}

end_verified_io() {
    kill -INT "$fio_pid"
    wait "$fio_pid" || [ $? -eq 128 ] || fail "fio: $(cat "$WORK/fio")"
    grep -q 'err= 0' "$WORK/fio" || fail "fio: $(cat "$WORK/fio")"
    ! dmesg | grep -E 'I/O error|Buffer I/O|EXT4-fs error|Aborting journal' || fail "I/O errors"
}

# The new daemon has the sessions when the installation is over; what was changed is as it was.
upgrade_under_io() {
    local pid lines node
    echo "# changed here" >>/etc/iscsi/iscsid.conf
    md5sum $name /etc/iscsi/iscsid.conf >"$WORK/sums"
    pid=$(main_pid) lines=$(session_lines) node=$(readlink -f "$link")
    install_release 2
    [ "$(main_pid)" != "$pid" ] || dpkg_fail "the daemon is the old one"
    [ "$(session_lines)" = "$lines" ] || dpkg_fail "sessions before: $lines, after: $(session_lines)"
    iscsiadm -m session -P 1 | grep -q 'iSCSI Session State: LOGGED_IN' || dpkg_fail "not logged in"
    [ "$(readlink -f "$link")" = "$node" ] || dpkg_fail "$link is $(readlink -f "$link"), was $node"
    kill -0 "$fio_pid" || fail "fio has ended: $(cat "$WORK/fio")"
    md5sum --quiet -c "$WORK/sums" || fail "changed files were written over"
    [ "$(stat -c %a $name /etc/iscsi/iscsid.conf | xargs)" = "600 600" ] || fail "modes after the upgrade"
}

removal_is_refused() {
    ! dpkg_does --remove iscsi-userland || fail "removed with a session"
    grep -q "not removed: sessions are up" "$WORK/dpkg" || fail "$(cat "$WORK/dpkg")"
    [[ $(state_of) =~ ^(installed|triggers-awaited)$ ]] || fail "after the refusal it is $(state_of)"
    [ "$(systemctl is-active iscsid.socket iscsid.service iscsi.service | sort -u)" = active ] || dpkg_fail "units were stopped"
    iscsiadm -m session -P 1 | grep -q 'iSCSI Session State: LOGGED_IN' || dpkg_fail "the session is gone"
    kill -0 "$fio_pid" || fail "fio has ended: $(cat "$WORK/fio")"
}

# An administrator has logged out, and may have given the disk to another machine.
upgrade_logged_out() {
    umount "$mnt" && : >/etc/fstab && systemctl daemon-reload
    systemctl stop iscsi.service || dpkg_fail "logout"
    install_release 1
    [ "$(systemctl is-active iscsi.service iscsid.socket | xargs)" = "inactive active" ] ||
        dpkg_fail "after an upgrade: $(systemctl is-active iscsi.service iscsid.socket | xargs)"
    expect_exit 21 iscsiadm -m session
}

remove_it() {
    dpkg_does --remove iscsi-userland || dpkg_fail "removal"
    [ "$(state_of)" = config-files ] || fail "after the removal it is $(state_of)"
    ! pgrep -x iscsid || fail "iscsid runs"
    [ -z "$(find /run/iscsid -type s -o -type f -path '*/state/*')" ] || fail "left: $(find /run/iscsid)"
    ! systemctl cat iscsid.service >/dev/null 2>&1 || fail "systemd knows iscsid.service"
    [ -e "$name" ] && [ -e /etc/iscsi/iscsid.conf ] && [ -d /var/lib/iscsi/nodes/$TARGET_NAME ] ||
        fail "a removal took what people have set"
}

# By iscsi.service, with what the removal has left.
install_again() {
    install_release 2
    md5sum --quiet -c "$WORK/sums" || fail "other settings after the second installation"
    wait_until 20 test -L "$link" || dpkg_fail "no login by the old record"
    expect_exit 0 iscsiadm -m node -u
}

purge_it() {
    dpkg_does --purge iscsi-userland || dpkg_fail "purge"
    local left
    left=$(find /etc/iscsi /var/lib/iscsi /run/iscsid.pid /etc/systemd/system /var/lib/systemd/deb-systemd-helper-enabled \
        -path '*iscsi*' 2>/dev/null)
    [ -z "$left" ] || fail "left: $left"
}

start_lio
lio_disk d0 128M
lio_map d0 0
install_release 1
expect_installed
log_in_and_mount
mount_as_at_a_boot
start_verified_io
upgrade_under_io
removal_is_refused
end_verified_io
upgrade_logged_out
remove_it
install_again
purge_it
echo "installed, upgraded, removed, purged"
