#!/usr/bin/env bash
# Discovery writes the files, links and modes that open-iscsi writes.
. "$(dirname "$0")/../support/functions.sh"
requires tgtd
start_target
add_target 1 "$TARGET_NAME" 16M
start_iscsid
discover
record=$ISCSI_DATABASE_DIR/nodes/$TARGET_NAME/127.0.0.1,$PORT,1/default
st=$ISCSI_DATABASE_DIR/send_targets/127.0.0.1,$PORT
[ -f "$record" ] || fail "no $record"
[ "$(stat -c %a "$record")" = 600 ] || fail "mode of the record: $(stat -c %a "$record")"
[ "$(stat -c %a "$(dirname "$record")")" = 700 ] || fail "mode of its folder"
[ -f "$st/st_config" ] || fail "no st_config"
[ "$(readlink "$st/$TARGET_NAME,127.0.0.1,$PORT,1,default")" = "$(dirname "$record")" ] || fail "link"
head -n 1 "$record" | grep -qx '# BEGIN RECORD 2.1.8' || fail "first line"
tail -n 1 "$record" | grep -qx '# END RECORD' || fail "last line"
grep -qx 'node.session.initial_login_retry_max = 8' "$record" || fail "template value"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL" -o update -n node.startup -v automatic
grep -qx 'node.startup = automatic' "$record" || fail "update did not reach the file"
expect_exit 7 iscsiadm -m node -T "$TARGET_NAME" -o update -n node.nosuch -v 1
expect_err "Cannot modify node.nosuch. Invalid param name."
expect_err "Could not execute operation on all records: invalid parameter"
expect_exit 0 iscsiadm -m discoverydb -t st -p "$PORTAL" -o delete
[ ! -e "$record" ] || fail "the node record outlived its discovery record"
