#!/usr/bin/env bash
# iscsid.disk.share_sessions with another driver than ublk: one line in the log that it has no effect, and
# a disk for each session, as without it.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
cat "$(dirname "$0")/../../etc/iscsi/iscsid.conf" - >"$ISCSI_CONFIG_DIR/iscsid.conf" <<END
iscsid.disk.driver = fuse
iscsid.disk.share_sessions = Yes
node.session.nr_sessions = 2
END
start_test_target
start_iscsid
log_in
grep -q "iscsid.disk.share_sessions has no effect: .* the driver is fuse" "$WORK/iscsid.log" ||
    fail "the log does not say it: $(cat "$WORK/iscsid.log")"
[ ${#disk[@]} -eq 2 ] || fail "two sessions expected: ${disk[*]}"
[ "${disk[0]}" != "${disk[1]}" ] || fail "one disk of both: ${disk[*]}"
log_out
