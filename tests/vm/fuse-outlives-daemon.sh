#!/usr/bin/env bash
# Disks of FUSE under iscsid.service: the daemon is restarted and killed under verified I/O on a filesystem,
# without an error and with the same loop device, for systemd keeps /dev/fuse; a stop ends the disk after a
# flush; nothing is left in the store. A kernel without FUSE_NOTIFY_RESEND (before 6.9): the login says that
# the disk ends with the daemon. Usage: run --systemd [--kernel 6.1] fuse-outlives-daemon.sh [ROUNDS]
. tests/support/functions.sh
. tests/vm/lio.sh
. tests/vm/systemd.sh

rounds=${1:-2}
mnt=/mnt/kept

# A login says so on a terminal, and in the log.
end_is_told() { journalctl -b -o cat "_PID=$(main_pid)" | grep -q "its disks end with this iscsid"; }
is_operational() { journalctl -b -o cat "_PID=$(main_pid)" | grep -q "is operational now"; }
stored() { [ "$(systemctl show -p NFileDescriptorStore --value iscsid.service)" = "$1" ]; }
is_another() { [ "$(main_pid)" != "$old" ] && systemctl -q is-active iscsid.service; }
session_is_back() { iscsiadm -m session -P 1 | grep -q 'iSCSI Session State: LOGGED_IN'; }
link_leads_there() { [ "$(readlink -f "$link")" = "$node" ]; }
nothing_is_left() {
    ! grep -q fuse.iscsid /proc/self/mountinfo && ! grep -qs iscsid /sys/block/loop*/loop/backing_file &&
        [ -z "$(find /run/iscsid/state -type f)" ] && stored 0
}

# Of the package.
eval "$(sed -n '/^ends_with_the_daemon()/,/^}/p' etc/debian/postinst)"

set_up() {
    install_from_build
    sed -i -E 's/^#* *(iscsid.disk.driver) = .*/\1 = fuse/; s/^#* *(iscsid.stop_timeout) = .*/\1 = 4/' \
        /etc/iscsi/iscsid.conf
    systemctl daemon-reload && udevadm control --reload || fail "reload"
    systemctl -q enable --now iscsid.socket || journal_fail "iscsid.socket"
    start_lio
    lio_disk d0 96M
    lio_map d0 0
    discover
}

log_in_here() {
    expect_exit 0 iscsiadm -m node -l
    node=$(disks)
    [[ $node == /dev/loop* ]] || journal_fail "the disk is $node"
    wait_until 20 link_leads_there || journal_fail "$link leads to $(readlink -f "$link")"
}

expect_end_told() {
    wait_until 20 end_is_told || journal_fail "the login does not say that its disk ends"
    stored 0 || fail "something is stored"
    [ -n "$(ends_with_the_daemon)" ] || fail "an upgrade would restart the daemon"
    expect_exit 0 iscsiadm -m node -u
}

start_verified_io() {
    mkfs.ext4 -qF "$link" && mkdir -p "$mnt" && mount "$link" "$mnt" || journal_fail "mkfs and mount"
    fio --name=verify --filename="$mnt/file" --direct=1 --ioengine=libaio --iodepth=8 \
        --rw=randrw --bs=4k --size=16m --io_size=1g --loops=1000 --verify=crc32c \
        --verify_backlog=256 --verify_fatal=1 --verify_state_save=0 --time_based --runtime=1000 \
        --output="$WORK/fio" &
    fio_pid=$!
    wait_until 20 test -s "$mnt/file" || fail "fio does not start"
}

# Reads and writes that the disk has ended.
transfers() { awk '{ print $1 + $5 }' "/sys/block/${node#/dev/}/stat"; }
more_transfers() { [ "$(transfers)" -gt $((before + 50)) ]; }

expect_back() {
    wait_until 20 session_is_back || journal_fail "after $1 there is no session"
    before=$(transfers)
    wait_until 20 more_transfers || journal_fail "after $1 no I/O ends"
    kill -0 "$fio_pid" 2>/dev/null || journal_fail "fio ended after $1: $(cat "$WORK/fio")"
    [ "$(disks)" = "$node" ] || journal_fail "after $1 the disk is $(disks)"
    wait_until 20 link_leads_there || journal_fail "after $1 $link leads to $(readlink -f "$link")"
    stored 1 || fail "after $1 $(systemctl show -p NFileDescriptorStore iscsid.service)"
    echo "$1: the disk goes on"
}

disturb() {
    local number
    for number in $(seq "$rounds"); do
        systemctl restart iscsid.service || journal_fail "restart"
        expect_back "restart $number"
        old=$(main_pid)
        kill -9 "$old"
        wait_until 20 is_another || journal_fail "no other daemon"
        expect_back "kill $number"
    done
}

end_verified_io() {
    kill -INT "$fio_pid"
    wait "$fio_pid" || [ $? -eq 128 ] || fail "fio: $(cat "$WORK/fio")"
    grep -q 'err= 0' "$WORK/fio" || fail "fio: $(cat "$WORK/fio")"
    ! dmesg | grep -E 'I/O error|Buffer I/O|EXT4-fs error|Aborting journal' || fail "I/O errors"
}

# What was written stays; the file system, which is in use, is without a disk.
stop_under_a_mount() {
    dd if=/dev/urandom of="$mnt/last" bs=1M count=4 status=none || fail "write"
    sum=$(md5sum <"$mnt/last")
    systemctl stop iscsid.service iscsid.socket
    journalctl -b -u iscsid -o cat | grep -q "no iscsid follows this one" || journal_fail "the stop says nothing"
    stored 0 || fail "the stopped unit has a store"
    ! dd if="$node" of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null || fail "$node still reads"
    umount -l "$mnt"
    wait_until 20 nothing_is_left || journal_fail "left: $(grep iscsid /proc/self/mountinfo; ls /run/iscsid/state)"
    systemctl start iscsid.socket
    expect_exit 21 iscsiadm -m session
    log_in_here
    mount "$link" "$mnt" || journal_fail "mount"
    [ "$(md5sum <"$mnt/last")" = "$sum" ] || fail "what was written before the stop is lost"
    umount "$mnt"
}

# Systemd has the descriptor, nobody knows of the disk any more: it ends.
lose_the_note() {
    stored 1 || fail "nothing is stored"
    rm /run/iscsid/state/*.json || fail "no state"
    old=$(main_pid)
    kill -9 "$old"
    wait_until 20 is_another || journal_fail "no other daemon"
    wait_until 20 nothing_is_left || journal_fail "left: $(grep iscsid /proc/self/mountinfo)"
}

set_up
log_in_here
if ! printf '6.9\n%s\n' "$(uname -r)" | sort -CV; then
    expect_end_told
    systemctl stop iscsid.socket iscsid.service
    echo "without FUSE_NOTIFY_RESEND: told"
    exit 0
fi
wait_until 20 is_operational && ! end_is_told || journal_fail "the login says that the disk ends"
[ -z "$(ends_with_the_daemon)" ] || fail "an upgrade would not restart the daemon: $(ends_with_the_daemon)"
start_verified_io
disturb
end_verified_io
stop_under_a_mount
expect_exit 0 iscsiadm -m node -u
wait_until 20 nothing_is_left || journal_fail "left after the logout"
log_in_here
lose_the_note
sed -i -E 's/^(iscsid.disk.driver) = .*/\1 = auto/; s/^(iscsid.stop_timeout) = .*/\1 = 80/' /etc/iscsi/iscsid.conf
systemctl stop iscsid.socket iscsid.service
iscsiadm -m node -T "$TARGET_NAME" -o delete || fail "the record stays"
echo "disks of FUSE outlive the daemon"
