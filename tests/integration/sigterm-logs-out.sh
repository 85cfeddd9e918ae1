#!/usr/bin/env bash
# SIGTERM logs out of the target and removes the disks.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
start_target
add_target 1 "$TARGET_NAME" 16M 16M
start_iscsid
log_in
tgtadm --lld iscsi --op show --mode target | grep -q "Initiator: $INITIATOR_NAME" || fail "the target sees no session"
stop_iscsid || fail "iscsid ended with $?"
[ -z "$(leftovers)" ] || fail "left: $(leftovers)"
if tgtadm --lld iscsi --op show --mode target | grep -q "Initiator: $INITIATOR_NAME"; then
    fail "the target still has the session"
fi
