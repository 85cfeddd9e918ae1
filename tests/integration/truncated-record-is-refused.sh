#!/usr/bin/env bash
# A record that was cut: refused by name, nothing lost, the others still work.
. "$(dirname "$0")/../support/functions.sh"
start_iscsid
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME.a" -p 127.0.0.1:3260,1 -o new
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME.b" -p 127.0.0.1:3260,1 -o new
record=$ISCSI_DATABASE_DIR/nodes/$TARGET_NAME.a/127.0.0.1,3260,1/default
head -c 700 "$record" >"$WORK/cut" && cp "$WORK/cut" "$record"
status=0
iscsiadm -m node >"$WORK/out" 2>"$WORK/err" || status=$?
[ $status -eq 6 ] || fail "exit code $status: $(cat "$WORK/err")"
expect_out "$TARGET_NAME.b"
expect_err "$record"
cmp "$WORK/cut" "$record" || fail "the cut record was changed"
