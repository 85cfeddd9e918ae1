#!/usr/bin/env bash
# How long a login takes until the links of its disks are there, and what udevd is asked for that: a few and many
# logical units in one session. Usage: login-time.sh ublk|nbd|fuse [MANY], with MANY (64) a multiple of 4.
#
# Times are the emulation's: what counts is that many disks cost each what few cost, that little is added to a login
# whose links nobody waits for, and how often udevd looks at a disk. No fixed wait could hide in these.
. tests/support/functions.sh
. tests/vm/lio.sh
requires bc
driver=${1:?ublk, nbd or fuse} many=${2:-64}
few=$((many / 4))
mkdir -p /run/udev/rules.d
cp etc/udev/rules.d/59-iscsi-userland.rules /run/udev/rules.d/
udevadm control --reload
declare -A took looks

now_ms() { date +%s%3N; }
links() { find /dev/disk/by-path -name "ip-*-iscsi-$TARGET_NAME-lun-*" | wc -l; }

# map_up_to NUMBER: LUNs that there are not yet.
map_up_to() {
    local lun
    for ((lun = $(find "$LIO/iscsi/$TARGET_NAME/tpgt_1/lun" -mindepth 1 -maxdepth 1 -type d | wc -l); lun < $1; ++lun)); do
        lio_disk "d$lun" 1M
        lio_map "d$lun" "$lun"
    done
}

# log_in_to NUMBER NAME: the least of three times, and the looks of the last.
log_in_to() {
    local begin took_now least=''
    for _ in 1 2 3; do
        udevadm settle
        udevadm monitor --udev --subsystem-match=block >"$WORK/events" 2>&1 &
        local monitor=$!
        wait_until 10 grep -q "UDEV -" "$WORK/events" || fail "udevadm monitor"
        begin=$(now_ms)
        expect_exit 0 iscsiadm -m node -l
        took_now=$(($(now_ms) - begin))
        [ -n "$least" ] && [ "$least" -le $took_now ] || least=$took_now
        [ "$2" != linked ] || [ "$(links)" -eq "$1" ] || fail "$(links) links for $1 disks"
        [ "$(disks | wc -l)" -eq "$1" ] || fail "$(disks | wc -l) disks"
        udevadm settle
        kill $monitor
        wait $monitor 2>/dev/null
        looks[$2/$1]=$(grep -cE "^UDEV .* (add|change) " "$WORK/events")
        expect_exit 0 iscsiadm -m node -u
        expect_no_err
    done
    took[$2/$1]=$least
}

# with_runtime FOLDER NAME: what udev's rules look at is /run/iscsid.
with_runtime() {
    export ISCSID_RUNTIME_DIR=$1 ISCSID_SOCKET=$1/iscsid.sock
    mkdir -p "$1"
    start_iscsid
    log_in_to "${3:-$few}" "$2"
}

start_lio
use_driver "$driver"
map_up_to $few
start_iscsid
discover
stop_iscsid
with_runtime /run/iscsid linked
map_up_to "$many"
log_in_to "$many" linked
stop_iscsid || fail "the end of iscsid"
with_runtime "$WORK/run" unlinked "$many"

for cell in linked/$few linked/$many unlinked/$many; do
    echo "$driver, ${cell#*/} disks, ${cell%/*}: ${took[$cell]} ms, $(bc <<<"scale=1; ${took[$cell]} / ${cell#*/}") ms each, udevd has looked ${looks[$cell]} times"
done
# The kernel says add, and change when the device is there or we ask for a look.
[ "${looks[linked/$many]}" -le $((3 * many)) ] || fail "udevd looks at a disk more than three times"
[ $((took[linked/$many] * few * 2)) -le $((took[linked/$few] * many * 3)) ] ||
    fail "of many disks each costs more than 1.5 times what one of few costs"
[ "${took[linked/$many]}" -le $((4 * took[unlinked/$many])) ] || fail "the links cost more than three times the rest"
