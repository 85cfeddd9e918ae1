#!/usr/bin/env bash
# An installed package and real boots: a filesystem of fstab is there after a reboot. Then a boot without its target:
# it ends in time, the status says what is missing, iscsid tries on, over its restart and death, too, the filesystem
# is mounted when the target comes, and a shutdown whose target is gone ends in time. Each stage is a boot:
# run --systemd --reboots reboot.sh install -- reboot.sh mounted -- reboot.sh late
# (`target` is what a unit of the guest runs: LIO, before the logins or later.)
. tests/support/functions.sh
. tests/vm/lio.sh
. tests/vm/dpkg.sh
mnt=/mnt/disk
journal_units+=(-u mnt-disk.mount)
export LIO_FOLDER=/var/lib/lun
replacement=20 # seconds that I/O waits for a target that is gone

add_target_unit() {
    cat >/etc/systemd/system/target.service <<END
[Unit]
Description=A target of this machine
Before=network-online.target iscsi.service
ConditionPathExists=$LIO_FOLDER/at-boot

[Service]
Type=oneshot
RemainAfterExit=yes
EnvironmentFile=$LIO_FOLDER/environment
WorkingDirectory=$PWD
ExecStart=/bin/bash tests/vm/reboot.sh target

[Install]
WantedBy=multi-user.target
END
    printf 'VM_REPOSITORY=%s\nBUILD=%s\n' "$VM_REPOSITORY" "$BUILD" >"$LIO_FOLDER/environment"
    touch "$LIO_FOLDER/at-boot"
    systemctl -q enable --now target.service || journal_fail "target: $(systemctl status target.service)"
}

target() {
    start_lio
    lio_disk d0 96M
    lio_map d0 0
}

# in_fstab OPTIONS
in_fstab() {
    echo "$link $mnt ext4 $1 0 0" >/etc/fstab
    systemctl daemon-reload
}

# put_files NAME: what cannot be read again from memory after a boot.
put_files() {
    mkdir "$mnt/$1" && cp -r libiscsi/base "$mnt/$1" || fail "files"
    (cd "$mnt/$1" && find base -type f -exec md5sum {} +) >"/root/.sums-$1"
}

expect_files() { (cd "$mnt/$1" && md5sum --quiet -c "/root/.sums-$1") || fail "the files '$1' are not those of before"; }

install() {
    mkdir -p "$LIO_FOLDER" "$mnt"
    add_target_unit
    install_release 1
    PORTAL=127.0.0.1:3260
    discover
    expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -o update -n node.startup -v automatic
    expect_exit 0 iscsiadm -m node -o update -n node.session.timeo.replacement_timeout -v $replacement
    systemctl restart iscsi.service || journal_fail "iscsi.service"
    wait_until 20 test -L "$link" || journal_fail "no $link"
    mkfs.ext4 -q "$link" || fail "mkfs"
    in_fstab _netdev
    systemctl start mnt-disk.mount || journal_fail "mount"
    put_files first # without a sync: the shutdown has them written
}

expect_no_trouble() {
    ! dmesg | grep -v '(vda)' | grep -E 'I/O error|EXT4-fs (error|warning)|Aborting journal|recovery complete' || fail "I/O errors"
}

# Of all jobs that a boot has.
boot_ends() {
    timeout 120 systemctl is-system-running --wait >"$WORK/state"
    [ "$(cat "$WORK/state")" = running ] || journal_fail "after the boot: $(cat "$WORK/state") $(systemctl list-units --failed)"
}

# Nobody but the boot has logged in and mounted.
mounted() {
    boot_ends
    mountpoint -q "$mnt" || journal_fail "not mounted after the boot: $(systemctl status mnt-disk.mount)"
    [ "$(systemctl is-active iscsi.service)" = active ] || journal_fail "iscsi.service"
    expect_files first
    expect_no_trouble
    put_files second
    sed -i 's/^iscsid.autologin_wait = .*/iscsid.autologin_wait = 5/' /etc/iscsi/iscsid.conf
    in_fstab _netdev,nofail,x-systemd.device-timeout=0
    rm "$LIO_FOLDER/at-boot"
}

# Without the lines of the journal, which `systemctl status` shows beside it.
status_text() { systemctl show -p StatusText --value iscsid.service; }
names_what_is_missing() { status_text | grep -q "not logged in to $TARGET_NAME.*refused"; }
nothing_is_missing() { ! status_text | grep -q "not logged in"; }
boot_is_over() { [ "$(systemctl is-active multi-user.target iscsi.service | xargs)" = "active active" ]; }
settings_are_read() { journalctl -b -u iscsid --no-pager | grep -q "settings are read again"; }

# It is started again by systemd. A stop ends what is tried, a start begins it.
disturb() {
    systemctl reload iscsid.service || journal_fail "reload"
    wait_until 10 settings_are_read || journal_fail "after a reload"
    wait_until 10 names_what_is_missing || journal_fail "after a reload: $(status_text)"
    systemctl restart iscsid.service
    wait_until 10 names_what_is_missing || journal_fail "after a restart: $(status_text)"
    kill -9 "$(main_pid)"
    wait_until 20 names_what_is_missing || journal_fail "after a kill: $(status_text)"
    systemctl stop iscsi.service || journal_fail "stop"
    wait_until 10 nothing_is_missing || journal_fail "tried after the stop"
    systemctl start iscsi.service || journal_fail "iscsi.service again"
    wait_until 10 names_what_is_missing || journal_fail "after a start: $(status_text)"
}

# The target takes logins before it has its LUN.
bring_target() {
    local since=$SECONDS
    touch "$LIO_FOLDER/at-boot"
    systemctl start target.service || fail "target"
    wait_until 60 mountpoint -q "$mnt" || journal_fail "not mounted: $(systemctl status mnt-disk.mount)"
    echo "mounted $((SECONDS - since)) s after the target came"
    wait_until 10 nothing_is_missing || journal_fail "it is still missing: $(status_text)"
    [ ! -e /run/iscsid/kept-logins.json ] || fail "what is there is still noted"
}

is_in_journal() {
    journalctl -u iscsid -o cat "ISCSI_TARGET=$TARGET_NAME" "ISCSI_SID=$1" | grep -q "is operational now"
}

# With a filesystem in use, and data that can go nowhere.
lose_target() {
    dd if=/dev/zero of="$mnt/last" bs=4k count=4 conv=fsync status=none || fail "write"
    echo 0 >"$LIO/iscsi/$TARGET_NAME/tpgt_1/enable" && rmdir "$LIO/iscsi/$TARGET_NAME/tpgt_1/np/$PORTAL" || fail "LIO portal"
    dd if=/dev/urandom of="$mnt/last" bs=4k count=4 conv=notrunc status=none || fail "write to memory"
}

late() {
    wait_until 60 boot_is_over || journal_fail "the boot is held up"
    ! mountpoint -q "$mnt" || fail "mounted without a target"
    journalctl -b -u iscsi --no-pager | grep -q "iscsid keeps trying" || journal_fail "its log does not say why"
    disturb
    bring_target
    # journald has the fields of the line, and its text.
    wait_until 20 is_in_journal "$(iscsiadm -m session | sed -n 's/.*\[\([0-9]*\)\].*/\1/p')" ||
        journal_fail "no line with fields: $(journalctl -o json -u iscsid -n 3)"
    expect_files first
    expect_files second
    expect_no_trouble
    lose_target
    # The I/O fails then, and the filesystem can go; the rest is the emulation's.
    echo $((replacement + 60)) >/vm/shutdown-limit
}

PORTAL=127.0.0.1:3260
"$1"
echo "$1"
