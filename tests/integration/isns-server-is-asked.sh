#!/usr/bin/env bash
# Discovery by iSNS, with Open-iSNS' server: records, logins, updates and removals as with SendTargets;
# a server that is silent, or says nonsense, is an error with its reason.
. "$(dirname "$0")/../support/functions.sh"
. "$(dirname "$0")/../support/isns.sh"
requires_loop_disks
start_isns
start_target
add_target 1 "$TARGET_NAME-1" 8M
register_target "$TARGET_NAME-1" "$PORT"
register_target "$TARGET_NAME-2" 3260
start_iscsid
folder=$ISCSI_DATABASE_DIR/isns/${ISNS/:/,}

# ---- one shot: records with their source
expect_exit 0 iscsiadm -m discovery -t isns -p "$ISNS"
expect_no_err
expect_out "127.0.0.1:$PORT,1 $TARGET_NAME-1"
expect_out "127.0.0.1:3260,1 $TARGET_NAME-2"
[ -f "$folder/isns_config" ] || fail "no isns_config"
[ -L "$folder/$TARGET_NAME-1,127.0.0.1,$PORT,1,default" ] || fail "no link: $(ls "$folder")"
expect_exit 0 iscsiadm -m discoverydb
expect_out "$ISNS via isns"
expect_exit 0 iscsiadm -m discovery -P 1
grep -A 2 "^iSNS:" "$WORK/out" | grep -q "^DiscoveryAddress: ${ISNS/:/,}$" || fail "not below iSNS: $(cat "$WORK/out")"
expect_exit 0 iscsiadm --json -m discoverydb -P 1
expect_out '"type":"isns"'
expect_exit 0 iscsiadm -m discoverydb -t isns -p "$ISNS"
expect_out "discovery.type = isns"
expect_out "discovery.isns.use_discoveryd = No"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME-1"
expect_out "node.discovery_type = isns"

# ---- what the server does not name any more goes; with a login
deregister_target "$TARGET_NAME-2"
expect_exit 0 iscsiadm -m discoverydb -t isns -p "$ISNS" -D -l
expect_out "Login to [iface: default, target: $TARGET_NAME-1, portal: 127.0.0.1,$PORT] successful."
expect_exit 21 iscsiadm -m node -T "$TARGET_NAME-2"
register_target "$TARGET_NAME-2" 3260
expect_exit 0 iscsiadm -m discoverydb -t isns -p "$ISNS" -D -o delete
expect_exit 21 iscsiadm -m node -T "$TARGET_NAME-2"
expect_exit 0 iscsiadm -m discoverydb -t isns -p "$ISNS" -D -o nonpersistent
expect_out "$TARGET_NAME-2"
expect_exit 21 iscsiadm -m node -T "$TARGET_NAME-2"
expect_exit 0 iscsiadm -m discoverydb -t isns -p "$ISNS" -D -o new -P 1
expect_out "Target: $TARGET_NAME-2"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME-2"

# ---- its record
expect_exit 15 iscsiadm -m discoverydb -t isns -p "$ISNS" -o delete
expect_exit 0 iscsiadm -m node -u
expect_exit 7 iscsiadm -m discoverydb -t isns -p "$ISNS" -o update -n discovery.sendtargets.reopen_max -v 1
expect_exit 0 iscsiadm -m discoverydb -t isns -p "$ISNS" -o update -n discovery.isns.discoveryd_poll_inval -v 60
expect_exit 6 iscsiadm -m discoverydb -t st -p "$ISNS"
expect_exit 0 iscsiadm -m discoverydb -t isns -p "$ISNS" -o delete
[ ! -e "$folder" ] || fail "left behind: $(ls "$folder")"
expect_exit 21 iscsiadm -m node

# ---- domains: without a common one nothing is seen
stop_isns
rm -rf "$WORK/isns/db"
ISNS_DEFAULT_DOMAIN=0 start_isns
register_target "$TARGET_NAME-1" "$PORT"
expect_exit 21 iscsiadm -m discovery -t isns -p "$ISNS" -o nonpersistent
expect_err "No portals found"

# ---- nobody answers; somebody else answers
stop_isns
expect_exit 25 iscsiadm -m discovery -t isns -p "$ISNS"
expect_err "Connection refused"
expect_err "Could not perform iSNS discovery: iSNS query failed"
expect_exit 25 iscsiadm -m discovery -t isns -p "$PORTAL" # tgtd closes
expect_err "Could not perform iSNS discovery: iSNS query failed"
expect_exit 0 iscsiadm -m discoverydb -t isns -p 192.0.2.9 -o new
expect_out "New discovery record for [192.0.2.9,3205] added."
