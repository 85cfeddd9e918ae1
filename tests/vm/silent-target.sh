#!/usr/bin/env bash
# A target that logs in, tells what its LUN is, and never answers a READ: the kernel's scan for
# partitions, during which a new disk holds locks, ends in bounded time, and the login says why.
# Usage: silent-target.sh ublk|nbd
here=$(dirname "$0")
. "$here/../support/functions.sh"
. "$here/lio.sh"

start_test_target --fault 'scsi-command/0x28: hold' --fault 'scsi-command/0x88: hold'
use_driver "${1:-ublk}"
start_iscsid
discover
expect_exit 1 timeout 120 iscsiadm -m node -l
expect_err "Could not login to"
grep 'login failed: LUN 0: .*no answer from the LUN' "$WORK/iscsid.log" || fail "no reason was given"
expect_exit 21 iscsiadm -m session
! grep -E 'ublkb|nbd[0-9]' /proc/partitions | awk '$3 > 0' | grep . || fail "a disk is left"
! ps -eo stat,args | grep '^D' || fail "a task hangs"
stop_iscsid || fail "iscsid ended with $?"
stop_test_target
