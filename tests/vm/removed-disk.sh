#!/usr/bin/env bash
# Somebody removes devices behind the daemon's back, and a number is another's then: the LUN gets another
# device, nobody is told that the stranger's is ours, and neither a removal, nor a logout, nor a daemon that
# comes after a killed one touches it. A ublk device that a daemon made and never noted goes with the
# next start. Usage: removed-disk.sh ublk|nbd
here=$(dirname "$0")
. "$here/../support/functions.sh"
. "$here/lio.sh"
requires qemu-nbd
driver=${1:?ublk or nbd}
block_tool=$BUILD/tests/support/block-tool

number_of() { echo "${1##*[a-z]}"; }

take_away() {
    if [ "$driver" = ublk ]; then
        expect_exit 0 "$block_tool" remove-ublk "$(number_of "$1")"
    else
        expect_exit 0 qemu-nbd --disconnect "$1"
        wait_until 20 eval '[ ! -e "/sys/block/${1#/dev/}/pid" ]' || fail "$1 is still connected"
    fi
}

# A stranger's device with that number, which is free; ublk gives the lowest.
make_foreign() {
    if [ "$driver" = ublk ]; then
        for _ in 1 2 3 4 5 6; do
            foreign=/dev/ublkb$("$block_tool" add-ublk 77) || fail "no foreign device"
            at_end "'$block_tool' remove-ublk $(number_of "$foreign") 2>/dev/null"
            [ "$foreign" != "$1" ] || return 0
        done
        fail "$foreign should have the number of $1"
    else
        foreign=$1
        "$block_tool" hold-nbd "$(number_of "$foreign")" >"$WORK/holder" 2>&1 &
        at_end "kill $!; wait $!"
        wait_until 20 grep -qx connected "$WORK/holder" || fail "no foreign device: $(cat "$WORK/holder")"
    fi
}

expect_foreign() {
    if [ "$driver" = ublk ]; then
        [ "$("$block_tool" nonce-of-ublk "$(number_of "$foreign")")" = 77 ] || fail "the foreign $foreign is gone"
    else
        [ "$(cat "/sys/block/${foreign#/dev/}/backend")" = "of a stranger" ] || fail "the foreign $foreign is gone"
    fi
}

# has DISKS: as many, and each LUN is on the one that is told.
has() {
    mapfile -t disk < <(disks)
    [ ${#disk[@]} -eq "$1" ] || return 1
    local lun
    for lun in "${!disk[@]}"; do
        [ "$(head -c 1 "${disk[lun]}" 2>/dev/null)" = "$lun" ] || return 1
    done
}

start_lio
for lun in 0 1 2; do
    lio_disk "d$lun" 32M
    lio_map "d$lun" "$lun"
done
use_driver "$driver"
start_iscsid
log_in
[ ${#disk[@]} -eq 3 ] || fail "three disks expected: ${disk[*]}"
for lun in 0 1 2; do
    echo "$lun" | dd of="${disk[lun]}" bs=512 conv=sync oflag=direct status=none || fail "write"
done

# One after the other, with the daemon at work: it makes them anew.
before=("${disk[@]}")
for lun in 0 2; do
    take_away "${before[lun]}"
    wait_until 40 grep -q "LUN $lun has lost its disk: somebody has taken ${before[lun]#/dev/} away" \
        "$WORK/iscsid.log" || fail "the loss of LUN $lun is not said"
    wait_until 20 has 3 || fail "LUN $lun has no disk again: $(iscsiadm -m session -P 3)"
done

# The number is a stranger's before the daemon can look.
lost=${disk[1]}
if [ "$driver" = nbd ]; then # a ublk server that stands still keeps its number
    kill -STOP "$iscsid_pid"
    take_away "$lost"
    make_foreign "$lost"
    kill -CONT "$iscsid_pid"
    wait_until 40 has 3 || fail "LUN 1 has no disk again: $(iscsiadm -m session -P 3)"
    ! disks | grep -qx "$foreign" || fail "the foreign $foreign is told to be ours"
    expect_foreign
fi

# Killed, and the number is a stranger's when the next one comes; what it has made and not noted goes.
kill -9 "$iscsid_pid"
wait "$iscsid_pid" 2>/dev/null
iscsid_pid=''
lost=${disk[2]}
if [ "$driver" = ublk ]; then
    # Another one of the same daemon's.
    nonce=$(printf %u $(($("$block_tool" nonce-of-ublk "$(number_of "$lost")") ^ 0x40000000)))
    orphan=$("$block_tool" add-ublk "$nonce") || fail "no orphan"
    take_away "$lost"
    make_foreign "$lost"
fi
start_iscsid
wait_until 40 has 3 || fail "not all are back: $(iscsiadm -m session -P 3)"
[ -z "${foreign:-}" ] || ! disks | grep -qx "$foreign" || fail "the foreign $foreign is told to be ours"
expect_foreign
if [ "$driver" = ublk ]; then
    [ "$("$block_tool" nonce-of-ublk "$orphan" 2>/dev/null)" != "$nonce" ] || fail "the device that was never noted is still there"
    grep -q "removed ublkb$orphan, which an iscsid made that was killed before it was noted" "$WORK/iscsid.log" ||
        fail "nothing is said of it"
fi
log_out
expect_foreign
