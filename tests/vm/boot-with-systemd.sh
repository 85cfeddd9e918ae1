#!/usr/bin/env bash
# The installed units under systemd as PID 1: login by iscsi.service, a filesystem by its path, and a
# daemon that is restarted and killed under verified I/O. Usage: run --systemd boot-with-systemd.sh [ROUNDS]
. tests/support/functions.sh
. tests/vm/lio.sh
. tests/vm/systemd.sh

rounds=${1:-4}
mnt=/mnt/disk

another_daemon_than() {
    local now
    now=$(main_pid) && [ "$now" -ne 0 ] && [ "$now" -ne "$1" ]
}

session_is_back() {
    systemctl -q is-active iscsid.service &&
        iscsiadm -m session -P 1 | grep -q 'iSCSI Session State: LOGGED_IN' &&
        [ "$(disks)" = "$node" ]
}

expect_back() {
    wait_until 5 session_is_back || journal_fail "after $1: $(iscsiadm -m session -P 1; ls /dev/ublkb*)"
    [ "$(cat /run/iscsid.pid)" = "$(main_pid)" ] || journal_fail "after $1 another PID is in /run/iscsid.pid"
    [ "$(readlink -f "$link")" = "$node" ] || journal_fail "after $1 $link is $(readlink -f "$link")"
    kill -0 "$fio_pid" 2>/dev/null || journal_fail "fio ended early, after $1: $(cat "$WORK/fio")"
    echo "$1: back after $((SECONDS - since)) s"
    since=$SECONDS
}

install_it() {
    install_from_build
    systemctl daemon-reload && udevadm control --reload || fail "reload"
}

# The daemon is started by its socket, the login is the unit's.
log_in_by_units() {
    systemctl -q enable --now iscsid.socket || journal_fail "iscsid.socket"
    [ "$(systemctl is-active iscsid.service)" = inactive ] || fail "iscsid runs before anyone asks"
    discover
    systemctl -q is-active iscsid.service iscsi-init.service || journal_fail "discovery did not start iscsid"
    grep -q '^InitiatorName=iqn' /etc/iscsi/initiatorname.iscsi || fail "no initiator name"
    expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -o update -n node.startup -v automatic
    systemctl start iscsi.service || journal_fail "iscsi.service"
    [ -L "$link" ] || journal_fail "no $link: $(ls /dev/disk/by-path)"
    node=$(readlink -f "$link")
    [[ $node == /dev/ublkb* ]] || journal_fail "the disk is $node"
}

# As an administrator would have it: a line in fstab, mounted by a unit that waits for the link.
mount_by_fstab() {
    mkfs.ext4 -q "$link" && mkdir -p "$mnt" || fail "mkfs"
    echo "$link $mnt ext4 _netdev 0 0" >/etc/fstab
    systemctl daemon-reload && systemctl start mnt-disk.mount || fail "mount: $(systemctl status mnt-disk.mount)"
    mountpoint -q "$mnt" || fail "nothing is mounted at $mnt"
}

start_verified_io() {
    fio --name=verify --filename="$mnt/file" --direct=1 --ioengine=libaio --iodepth=8 \
        --rw=randrw --bs=4k --size=32m --io_size=1g --loops=1000 --verify=crc32c \
        --verify_backlog=256 --verify_fatal=1 --verify_state_save=0 --time_based --runtime=1000 \
        --output="$WORK/fio" &
    fio_pid=$!
    since=$SECONDS
    wait_until 20 test -s "$mnt/file" || fail "fio does not start"
}

end_verified_io() {
    kill -INT "$fio_pid"
    wait "$fio_pid" || [ $? -eq 128 ] || fail "fio: $(cat "$WORK/fio")"
    grep -q 'err= 0' "$WORK/fio" || fail "fio: $(cat "$WORK/fio")"
    ! dmesg | grep -E 'I/O error|Buffer I/O|EXT4-fs error|Aborting journal' || fail "I/O errors"
}

disturb() {
    local pid number
    for number in $(seq "$rounds"); do
        pid=$(main_pid)
        if [ $((number % 2)) -eq 0 ]; then
            systemctl restart iscsid.service || journal_fail "restart $number"
            expect_back "restart $number"
        else
            kill -9 "$pid"
            wait_until 10 another_daemon_than "$pid" || journal_fail "systemd starts no other daemon"
            expect_back "kill $number"
        fi
    done
}

# Nobody has to come and say reset-failed, however often it dies: disks are waiting for it.
kill_in_a_row() {
    local pid
    for _ in $(seq 8); do
        pid=$(main_pid)
        kill -9 "$pid"
        wait_until 10 another_daemon_than "$pid" || journal_fail "systemd has given up"
    done
    expect_back "8 kills in a row"
}

# What is ended without systemd is started again too: by a signal, or by iscsiadm.
end_behind_its_back() {
    local pid
    pid=$(main_pid)
    kill "$pid"
    wait_until 10 another_daemon_than "$pid" || journal_fail "after SIGTERM the disks are left alone"
    expect_back "SIGTERM"
    pid=$(main_pid)
    iscsiadm -k 0 || true
    wait_until 10 another_daemon_than "$pid" || journal_fail "after iscsiadm -k the disks are left alone"
    expect_back "iscsiadm -k"
}

restart_socket() {
    local sid
    sid=$(iscsiadm -m session | cut -d' ' -f2)
    systemctl restart iscsid.socket || journal_fail "restart of the socket"
    expect_back "restart of the socket"
    [ "$(iscsiadm -m session | cut -d' ' -f2)" = "$sid" ] || journal_fail "it was another session than $sid"
}

# A disk in use is not logged out; the unit says so, and may be started again.
stop_while_mounted() {
    systemctl stop iscsi.service
    [ "$(systemctl is-active iscsi.service)" = failed ] || journal_fail "a refused logout is no failure"
    expect_back "refused logout"
    systemctl start iscsi.service || journal_fail "iscsi.service after a refused logout"
}

expect_nothing_left() {
    local left sessions=$LIO/iscsi/$TARGET_NAME/tpgt_1/dynamic_sessions
    left=$(find /run/iscsid/state /run/iscsid/udev -type f)$(ls /dev/ublkb* "$link" 2>/dev/null)
    [ -z "$left" ] || fail "left: $left"
    ! grep -qa iqn "$sessions" || fail "the target still has a session"
    ! pgrep -x iscsid || fail "iscsid runs"
    [ ! -e /run/iscsid.pid ] || fail "/run/iscsid.pid is left"
    [ "$(systemctl is-active iscsid.service iscsid.socket iscsi.service | sort -u)" = inactive ] ||
        journal_fail "$(systemctl status iscsid.service iscsid.socket iscsi.service)"
}

install_it
start_lio
lio_disk d0 128M
lio_map d0 0
log_in_by_units
mount_by_fstab
start_verified_io
disturb
kill_in_a_row
end_behind_its_back
restart_socket
stop_while_mounted
end_verified_io
# The unit unmounts what nobody has open.
systemctl stop iscsi.service || journal_fail "logout"
systemctl stop iscsid.service iscsid.socket || journal_fail "stop"
expect_nothing_left
echo "under systemd: no error"
