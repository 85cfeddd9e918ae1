#!/usr/bin/env bash
# Somebody takes disks away behind the daemon's back, and their numbers are another's then. Nobody is told
# that the stranger's device is ours; the loss is noticed and said once, the LUN gets another device with
# its data, with a manual scan, too; a logout leaves the stranger alone.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires losetup

# Another test may have been quicker to take a number.
take_number_of() {
    wait_until 60 losetup "$1" "$WORK/foreign" || fail "$1 is not free"
    at_end "losetup -d $1"
}

# told DISK: whether it is named in any listing.
told() {
    iscsiadm -m session -P 3 | grep -qw "${1#/dev/}" ||
        iscsiadm -m session -r "$sid" --luns | grep -qw "${1#/dev/}"
}

# The number that the disk was written with.
number_on() {
    head -c 1 "$1"
}

has_three_disks() {
    mapfile -t disk < <(disks)
    [ ${#disk[@]} -eq 3 ] && for each in "${disk[@]}"; do [ -b "$each" ] || return 1; done
}

start_target
add_target 1 "$TARGET_NAME" 32M 16M 8M
start_iscsid
log_in
sid=$(iscsiadm -m session | sed 's/.*\[\([0-9]*\)\].*/\1/')
for each in 0 1 2; do
    echo "$each" | dd of="${disk[each]}" bs=512 conv=sync oflag=direct status=none || fail "write"
done
before=("${disk[@]}")

# The daemon is stopped meanwhile, so that it cannot take the number again itself.
truncate -s 8M "$WORK/foreign"
kill -STOP "$iscsid_pid"
losetup -d "${before[0]}" || fail "losetup -d"
losetup -d "${before[2]}" || fail "losetup -d"
take_number_of "${before[0]}"
kill -CONT "$iscsid_pid"
wait_until 20 has_three_disks || fail "no new disks: $(iscsiadm -m session -P 3)"
! told "${before[0]}" || fail "a stranger's device is told to be ours"
for each in 0 1 2; do
    [ "$(number_on "${disk[each]}")" = "$each" ] || fail "LUN $((each + 1)) is not on ${disk[each]}"
done
[ "${disk[1]}" = "${before[1]}" ] || fail "LUN 2 has lost its disk, too"
for each in 0 2; do
    line="LUN $((each + 1)) has lost its disk: somebody has taken ${before[each]#/dev/} away"
    [ "$(grep -c "$line" "$WORK/iscsid.log")" -eq 1 ] || fail "not said once: $line"
done
[ ! -e "$ISCSID_RUNTIME_DIR/udev/${before[0]#/dev/}" ] || fail "udev is still told of ${before[0]}"

# Without a target nothing can be made anew: no name is told, the state is, and a logout is not held up.
kill -STOP "$tgtd_pid"
losetup -d "${disk[1]}" || fail "losetup -d"
lost=${disk[1]}
take_number_of "$lost"
wait_until 20 eval '! told "$lost"' || fail "$lost is still told"
kill -CONT "$tgtd_pid"
log_out
for each in "${before[0]}" "$lost"; do
    [ "$(losetup -n -O BACK-FILE "$each")" = "$WORK/foreign" ] || fail "another's loop device is gone"
done

# With a manual scan the LUN that a user has attached gets its disk again, and no other one.
expect_exit 0 iscsiadm -m node -o update -n node.session.scan -v manual
expect_exit 0 iscsiadm -m node -l
sid=$(iscsiadm -m session | sed 's/.*\[\([0-9]*\)\].*/\1/')
expect_exit 0 iscsiadm -m session -r "$sid" --lun 2 --attach
mapfile -t disk < <(disks)
losetup -d "${disk[0]}" || fail "losetup -d"
wait_until 20 grep -q "LUN 2 has lost its disk" "$WORK/iscsid.log" || fail "the loss was not noticed"
comes_back() { mapfile -t disk < <(disks); [ ${#disk[@]} -eq 1 ] && [ "$(number_on "${disk[0]}")" = 1 ]; }
wait_until 20 comes_back || fail "LUN 2 is not back alone: ${disk[*]}"
log_out
