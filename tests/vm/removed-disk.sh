#!/usr/bin/env bash
# Somebody disconnects nbd devices behind the daemon's back, and a number is another LUN's then: taking
# the first LUN away leaves that one alone, and the logout succeeds.
here=$(dirname "$0")
. "$here/../support/functions.sh"
. "$here/lio.sh"
requires qemu-nbd

start_lio
lio_disk d0 32M
lio_disk d1 32M
lio_map d0 0
lio_map d1 1
use_driver nbd
start_iscsid
log_in
[ ${#disk[@]} -eq 2 ] || fail "two disks expected: ${disk[*]}"
for node in "${disk[@]}"; do
    expect_exit 0 qemu-nbd --disconnect "$node"
    wait_until 20 eval '[ ! -e "/sys/block/${node#/dev/}/pid" ]' || fail "$node is still connected"
done
lio_disk d2 48M
lio_map d2 2
expect_exit 0 iscsiadm -m session -R
mapfile -t disk < <(disks)
[ "${disk[2]:-}" = "${disk[0]}" ] || fail "LUN 2 should have the number that is free: ${disk[*]}"
lio_unmap 0
expect_exit 0 iscsiadm -m session -R
mapfile -t disk < <(disks)
[ ${#disk[@]} -eq 2 ] || fail "LUN 0 should be gone: ${disk[*]}"
[ "$(blockdev --getsize64 "${disk[1]}")" -eq $((48 << 20)) ] || fail "LUN 2 lost its device"
dd if="${disk[1]}" of=/dev/null bs=1M count=48 iflag=direct status=none || fail "LUN 2 cannot be read"
log_out
