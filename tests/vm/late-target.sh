#!/usr/bin/env bash
# A boot whose target is not there: iscsi.service is active in time, the status says what is missing,
# iscsid tries on, over its restart and death, too, and a filesystem of fstab is mounted when the target
# comes. Usage: run --systemd late-target.sh
. tests/support/functions.sh
. tests/vm/lio.sh
. tests/vm/systemd.sh
mnt=/mnt/late
journal_units+=(-u mnt-late.mount)

target_listens() { echo "$1" >"$LIO/iscsi/$TARGET_NAME/tpgt_1/enable"; }

# Nothing takes connections at the portal then.
take_target_away() {
    target_listens 0 && rmdir "$LIO/iscsi/$TARGET_NAME/tpgt_1/np/$PORTAL" || fail "LIO portal"
}

bring_target_back() {
    mkdir "$LIO/iscsi/$TARGET_NAME/tpgt_1/np/$PORTAL" && target_listens 1 || fail "LIO portal"
}

is_in_journal() {
    journalctl -u iscsid -o cat "ISCSI_TARGET=$TARGET_NAME" ISCSI_SID=1 | grep -q "is operational now"
}

set_up() {
    install_from_build
    sed -i 's/^iscsid.autologin_wait = .*/iscsid.autologin_wait = 5/' /etc/iscsi/iscsid.conf
    systemctl daemon-reload && udevadm control --reload || fail "reload"
    systemctl -q enable --now iscsid.socket || journal_fail "iscsid.socket"
    start_lio
    lio_disk d0 64M
    lio_map d0 0
    discover
    expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -o update -n node.startup -v automatic
    expect_exit 0 iscsiadm -m node -l
    wait_until 10 test -L "$link" || journal_fail "no $link"
    # journald has the fields of the line, and its text.
    wait_until 20 is_in_journal || journal_fail "no line with fields: $(journalctl -o json -u iscsid -n 3)"
    mkfs.ext4 -q "$link" && mkdir -p "$mnt" || fail "mkfs"
    expect_exit 0 iscsiadm -m node -u
    echo "$link $mnt ext4 _netdev,nofail,x-systemd.device-timeout=0 0 0" >/etc/fstab
    systemctl daemon-reload
    systemctl stop iscsid.service
}

# Without the lines of the journal, which `systemctl status` shows beside it.
status_text() { systemctl show -p StatusText --value iscsid.service; }
names_what_is_missing() { status_text | grep -q "not logged in to $TARGET_NAME.*refused"; }

nothing_is_missing() { ! status_text | grep -q "not logged in"; }

boot_without_target() {
    local since=$SECONDS
    systemctl start --no-block mnt-late.mount
    systemctl start iscsi.service || journal_fail "iscsi.service: $(systemctl status iscsi.service)"
    echo "without its target the boot goes on after $((SECONDS - since)) s"
    [ "$(systemctl is-active iscsi.service)" = active ] || journal_fail "iscsi.service is not active"
    names_what_is_missing || journal_fail "$(status_text)"
    journalctl -b -u iscsi --no-pager | grep -q "iscsid keeps trying" || journal_fail "its log does not say why"
    ! mountpoint -q "$mnt" || fail "mounted without a target"
}

settings_are_read() { journalctl -b -u iscsid --no-pager | grep -q "settings are read again"; }

# It is started again by systemd.
disturb() {
    local pid
    systemctl reload iscsid.service || journal_fail "reload"
    wait_until 10 settings_are_read || journal_fail "after a reload"
    wait_until 10 names_what_is_missing || journal_fail "after a reload: $(status_text)"
    systemctl restart iscsid.service
    wait_until 10 names_what_is_missing || journal_fail "after a restart: $(status_text)"
    pid=$(main_pid)
    kill -9 "$pid"
    wait_until 20 names_what_is_missing || journal_fail "after a kill: $(status_text)"
}

expect_mount() {
    local since=$SECONDS
    bring_target_back
    wait_until 60 mountpoint -q "$mnt" || journal_fail "not mounted: $(systemctl status mnt-late.mount)"
    echo "mounted $((SECONDS - since)) s after the target came"
    # The disk is there a moment before its session is.
    wait_until 10 nothing_is_missing || journal_fail "it is still missing"
    [ ! -e /run/iscsid/kept-logins.json ] || fail "what is there is still noted"
}

set_up
take_target_away
boot_without_target
disturb
expect_mount
systemctl stop iscsi.service || journal_fail "logout"
! mountpoint -q "$mnt" || fail "still mounted"
wait_until 10 eval '[ -z "$(iscsiadm -m session 2>/dev/null)" ]' || fail "a session is left"
# A stop ends what is tried.
take_target_away
systemctl start iscsi.service || journal_fail "iscsi.service again"
names_what_is_missing || journal_fail "$(status_text)"
systemctl stop iscsi.service || journal_fail "stop"
wait_until 10 nothing_is_missing || journal_fail "tried after the stop"
systemctl stop iscsid.service iscsid.socket || journal_fail "stop"
echo "a late target is found"
