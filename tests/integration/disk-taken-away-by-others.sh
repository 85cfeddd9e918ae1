#!/usr/bin/env bash
# Somebody takes a disk away behind the daemon's back, and its number is another's then: the logout
# succeeds and leaves that one alone.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires losetup
start_target
add_target 1 "$TARGET_NAME" 32M 32M
start_iscsid
log_in
truncate -s 8M "$WORK/foreign"
losetup -d "${disk[0]}" || fail "losetup -d"
# Another test may have been quicker to take the number.
wait_until 60 losetup "${disk[0]}" "$WORK/foreign" || fail "${disk[0]} is not free"
at_end "losetup -d ${disk[0]}"
losetup -d "${disk[1]}" || fail "losetup -d"
log_out
[ "$(losetup -n -O BACK-FILE "${disk[0]}")" = "$WORK/foreign" ] || fail "another's loop device is gone"
