#!/usr/bin/env bash
# Discovery domains of an iSNS server decide what iscsid sees: membership that is added or removed is a
# login or a logout. An answer without any target changes nothing. (Open-iSNS 0.101 takes no second domain
# of a node, and a member that comes later ends it.)
. "$(dirname "$0")/../support/functions.sh"
. "$(dirname "$0")/../support/isns.sh"
requires_loop_disks
export ISNS_DEFAULT_DOMAIN=0
start_isns
start_target
for number in 1 2; do # a portal belongs to one entity
    add_target $number "$TARGET_NAME-$number" 8M
    port=$(free_port)
    tgtadm --lld iscsi --op new --mode portal --param "portal=127.0.0.1:$port" || fail "tgtadm portal"
    register_target "$TARGET_NAME-$number" "$port"
done
start_iscsid
follow_isns
domain() { as_node "$TARGET_NAME-1" --local "$@" || fail "isnsadm $*: $(cat "$WORK/isns/out")"; }

# ---- in no domain nobody sees anybody
wait_until 30 grep -q "it names no target" "$WORK/iscsid.log" || fail "the empty answer is not told"
expect_exit 21 iscsiadm -m node

# ---- a domain with one of the targets
domain --dd-register dd-name=one member-name="$TARGET_NAME-1" member-name="$INITIATOR_NAME"
wait_until 30 has_session "$TARGET_NAME-1" || fail "no session with the member of the domain"

# ---- it goes, and nothing is seen: what was there stays
# Open-iSNS says nothing of that: a poll finds it.
expect_exit 0 iscsiadm -m discoverydb -t isns -p "$ISNS" -o update -n discovery.isns.discoveryd_poll_inval -v 1
domain --dd-deregister 1
kill -HUP "$iscsid_pid"
told_twice() { [ "$(grep -c "it names no target" "$WORK/iscsid.log")" -eq 2 ]; }
wait_until 30 told_twice || fail "the empty answer is not told"
has_session "$TARGET_NAME-1" || fail "an empty answer ended a session"

# ---- another domain with the other target
domain --dd-register dd-name=two member-name="$TARGET_NAME-2" member-name="$INITIATOR_NAME"
wait_until 30 has_session "$TARGET_NAME-2" || fail "no session with the member of the second domain"
wait_until 30 has_no_session "$TARGET_NAME-1" || fail "the session of the other domain stays"
wait_until 30 has_no_record "$TARGET_NAME-1" || fail "its record stays"
