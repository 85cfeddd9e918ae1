#!/usr/bin/env bash
# A record that was cut: told by name, used for no login, nothing lost, the others still work. What
# people write into records is no cut.
. "$(dirname "$0")/../support/functions.sh"
start_iscsid
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME.a" -p 127.0.0.1:3260,1 -o new
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME.b" -p 127.0.0.1:3260,1 -o new
record=$ISCSI_DATABASE_DIR/nodes/$TARGET_NAME.a/127.0.0.1,3260,1/default
head -c 700 "$record" >"$WORK/cut"
cp "$record" "$WORK/whole"

# Whole, whatever stands behind its end, and with the ends of lines of another system.
echo '# managed by puppet' >>"$record"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME.a" -o update -n node.startup -v automatic
sed 's/$/\r/' "$WORK/whole" >"$record"
cp "$record" "$record~"
expect_exit 0 iscsiadm -m node
[ ! -s "$WORK/err" ] || fail "a whole record is warned of: $(cat "$WORK/err")"
grep -v '^#' "$WORK/whole" >"$record"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME.a"
[ ! -s "$WORK/err" ] || fail "a record written by hand is warned of: $(cat "$WORK/err")"
rm "$record~"

for damage in cut empty random; do
    case $damage in
    cut) cp "$WORK/cut" "$record" ;;
    empty) : >"$record" ;;
    random) printf '\177ELF\002\001\000\000\n\377\n' >"$record" ;;
    esac
    cp "$record" "$WORK/before"
    expect_exit 0 iscsiadm -m node
    expect_out "$TARGET_NAME.a"
    expect_out "$TARGET_NAME.b"
    expect_err "$record"
    expect_exit 6 iscsiadm -m node -T "$TARGET_NAME.a" -l
    expect_err "$record"
    expect_exit 6 iscsiadm -m node -T "$TARGET_NAME.a" -o update -n node.startup -v automatic
    cmp "$WORK/before" "$record" || fail "the record ($damage) was changed"
done
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME.a" -o delete
[ ! -e "$record" ] || fail "the record is still there"
