#!/usr/bin/env bash
# discovery.isns.use_discoveryd, with Open-iSNS' server: iscsid registers, hears of each change, records and
# logs in to new targets, and logs out of those that vanish; a server that comes back is registered with
# again; without the setting nothing of it stays there.
. "$(dirname "$0")/../support/functions.sh"
. "$(dirname "$0")/../support/isns.sh"
requires_loop_disks
start_isns
start_target
ports=() # a portal belongs to one entity
for number in 1 2 3; do
    add_target $number "$TARGET_NAME-$number" 8M
    ports[number]=$(free_port)
    tgtadm --lld iscsi --op new --mode portal --param "portal=127.0.0.1:${ports[number]}" || fail "tgtadm portal"
done
register_target "$TARGET_NAME-1" "${ports[1]}"
start_iscsid
follow_isns
knows_us() { as_node "$TARGET_NAME-1" --list nodes && grep -q "$INITIATOR_NAME" "$WORK/isns/out"; }
knows_us_not() { as_node "$TARGET_NAME-1" --list nodes && ! grep -q "$INITIATOR_NAME" "$WORK/isns/out"; }

# ---- at the beginning, and with each notification: there is no poll
wait_until 30 has_session "$TARGET_NAME-1" || fail "no session"
wait_until 30 knows_us || fail "not registered: $(cat "$WORK/isns/out")"
register_target "$TARGET_NAME-2" "${ports[2]}"
wait_until 30 has_session "$TARGET_NAME-2" || fail "no session with the new target"
deregister_target "$TARGET_NAME-2"
wait_until 30 has_no_session "$TARGET_NAME-2" || fail "the session with the target that is gone stays"
wait_until 30 has_no_record "$TARGET_NAME-2" || fail "its record stays"

# ---- a discovery by hand does not end the registration
expect_exit 0 iscsiadm -m discoverydb -t isns -p "$ISNS" -D
knows_us || fail "a discovery by hand has ended the registration"

# ---- a server that forgets everything: nothing is lost meanwhile, and it is told again who asks
stop_isns
rm -rf "$WORK/isns/db"
start_isns
register_target "$TARGET_NAME-1" "${ports[1]}"
register_target "$TARGET_NAME-3" "${ports[3]}"
kill -HUP "$iscsid_pid"
wait_until 30 has_session "$TARGET_NAME-3" || fail "no session after the server's return"
wait_until 30 knows_us || fail "not registered again"
has_session "$TARGET_NAME-1" || fail "the session did not outlive the server"

# ---- until the record says otherwise
expect_exit 0 iscsiadm -m discoverydb -t isns -p "$ISNS" -o update -n discovery.isns.use_discoveryd -v No
kill -HUP "$iscsid_pid"
wait_until 30 knows_us_not || fail "still registered"
