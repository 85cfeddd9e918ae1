#!/usr/bin/env bash
# A daemon that stands still is killed by systemd's watchdog and started again, and the reader of its ublk
# disk gets its data; while there are disks that would end with it, the watchdog is off, and a login says so.
# Usage: run --systemd watchdog.sh
. tests/support/functions.sh
. tests/vm/lio.sh
. tests/vm/systemd.sh

property() { systemctl show -p "$1" --value iscsid.service; }
watches() { [ "$(property WatchdogUSec)" = "$1" ]; }
use() {
    sed -i "s/^#* *iscsid.disk.driver = .*/iscsid.disk.driver = $1/" /etc/iscsi/iscsid.conf
    systemctl restart iscsid.service || journal_fail "restart with $1"
}
log_in_here() {
    expect_exit 0 iscsiadm -m node -l
    wait_until 20 test -L "$link" || journal_fail "no $link"
}

install_from_build
mkdir -p /run/systemd/system/iscsid.service.d
printf '[Service]\nWatchdogSec=6\n' >/run/systemd/system/iscsid.service.d/quick.conf
systemctl daemon-reload && udevadm control --reload || fail "reload"
systemctl -q enable --now iscsid.socket || journal_fail "iscsid.socket"
start_lio
lio_disk d0 32M
lio_map d0 0
discover
use ublk
log_in_here
dd if=/dev/urandom of="$WORK/pattern" bs=1M count=8 status=none
dd if="$WORK/pattern" of="$link" bs=1M oflag=direct conv=fsync status=none || fail "write"

wait_until 20 watches 6s || journal_fail "the watchdog waits $(property WatchdogUSec)"
main=$(main_pid)
kill -STOP "$main" || fail "no daemon"
dd if="$link" of="$WORK/read" bs=1M count=8 iflag=direct status=none &
reader=$!
is_another() { [ "$(main_pid)" != "$main" ] && [ "$(property ActiveState)" = active ]; }
wait_until 60 is_another || journal_fail "the daemon that stands still is still there"
wait "$reader" || journal_fail "the reader has got an error"
cmp "$WORK/pattern" "$WORK/read" || fail "the reader has got other data"
journalctl -b -u iscsid -o cat | grep -q "Watchdog timeout" || journal_fail "it was not the watchdog"
[ -z "$(find /var/lib/systemd/coredump /core* -newer "$WORK/pattern" 2>/dev/null)" ] || fail "a core is left"
expect_exit 0 iscsiadm -m node -u

# A FUSE disk that systemd does not keep would be gone.
printf '[Service]\nWatchdogSec=6\nFileDescriptorStoreMax=0\n' >/run/systemd/system/iscsid.service.d/quick.conf
systemctl daemon-reload
use fuse
wait_until 20 watches 6s || journal_fail "the watchdog of an idle daemon waits $(property WatchdogUSec)"
log_in_here
is_told() { journalctl -b -o cat "_PID=$(main_pid)" | grep -q "its disks end with this iscsid"; }
wait_until 20 is_told || journal_fail "the login does not say that its disk ends"
wait_until 20 eval 'watches 0 || watches infinity' || journal_fail "the watchdog is on: $(property WatchdogUSec)"
expect_exit 0 iscsiadm -m node -u
wait_until 20 watches 6s || journal_fail "the watchdog stays off"
sed -i "s/^iscsid.disk.driver = .*/iscsid.disk.driver = auto/" /etc/iscsi/iscsid.conf
rm /run/systemd/system/iscsid.service.d/quick.conf
systemctl daemon-reload
systemctl stop iscsid.socket iscsid.service
echo "the watchdog watches"
