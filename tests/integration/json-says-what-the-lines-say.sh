#!/usr/bin/env bash
# iscsiadm --json with a real daemon and target: each document is one, of the kind that it should be, and
# says what the lines of the same command say.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
[ -x /usr/bin/python3 ] || skip "needs python3"
start_target
add_target 1 "$TARGET_NAME" 32M 16M
start_iscsid

# value EXPRESSION: of the document `d` in $WORK/out, which must be the only thing there.
value() {
    /usr/bin/python3 -c '
import json, sys
lines = sys.stdin.read().splitlines()
assert len(lines) == 1, lines
d = json.loads(lines[0])
assert d["version"] == 1 and "kind" in d and "exit_code" in d, d
print(eval(sys.argv[1]))' "$1" <"$WORK/out" || fail "no document: $(cat "$WORK/out")"
}

# expect_value EXPRESSION WANTED
expect_value() {
    local got
    got=$(value "$1")
    [ "$got" = "$2" ] || fail "$1 is '$got', expected '$2': $(cat "$WORK/out")"
}

# json EXIT ARGUMENT…
json() {
    local code=$1
    shift
    expect_exit "$code" iscsiadm "$@" --json
    expect_value 'd["exit_code"]' "$code"
}

json 21 -m session
expect_value 'd["kind"], d["sessions"]' "('sessions', [])"
json 7 -m session -T "$TARGET_NAME" # refused
json 0 -m discovery -t st -p "$PORTAL"
expect_value 'd["kind"], d["nodes"][0]["target"]' "('discovery', '$TARGET_NAME')"
json 0 -m node
expect_value '[(n["target"], n["address"], n["port"], n["group_tag"]) for n in d["nodes"]]' \
    "[('$TARGET_NAME', '127.0.0.1', $PORT, 1)]"
json 0 -m node -T "$TARGET_NAME"
expect_value 'd["kind"], len(d["records"])' "('node_records', 1)"
json 0 -m discoverydb
json 0 -m iface
json 0 -m node -T "$TARGET_NAME" -o update -n node.session.auth.password -v "$SECRET"
json 0 -m node -T "$TARGET_NAME"
if grep -qF "$SECRET" "$WORK/out"; then fail "a secret is shown"; fi
json 0 -m node -T "$TARGET_NAME" -S
grep -qF "$SECRET" "$WORK/out" || fail "-S does not show the secret"

json 0 -m node -T "$TARGET_NAME" -l
expect_value 'd["kind"], len(d["logins"])' "('logins', 1)"
expect_no_err
json 15 -m node -T "$TARGET_NAME" -l
expect_value 'len(d["messages"]) > 0' True
json 0 -m session -P 3
printf '%s\n' "$(disks)" >"$WORK/lines"
value '"\n".join("/dev/" + l["disk"] for l in d["sessions"][0]["luns"])' >"$WORK/documents"
cmp "$WORK/lines" "$WORK/documents" || fail "disks: $(cat "$WORK/lines" "$WORK/documents")"
for mode in session "session -s" "session -P 1" "session -P 2" "host -P 4" "node -P 1" "iface -P 1" \
    "discoverydb -P 1"; do
    # shellcheck disable=SC2086 # words
    json 0 -m $mode
done
json 0 -m session -R
expect_value 'd["kind"], len(d["rescans"])' "('rescans', 1)"
json 0 -m node -u
expect_value 'd["kind"], len(d["logouts"])' "('logouts', 1)"
kill "$iscsid_pid"
wait "$iscsid_pid"
iscsid_pid=''
json 20 -m node -l
expect_value 'len(d["logins"])' 1
