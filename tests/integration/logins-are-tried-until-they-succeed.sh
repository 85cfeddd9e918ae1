#!/usr/bin/env bash
# iscsiadm --keep-trying: the boot's logins. Targets that come late are logged in, over restarts of
# iscsid too, until the record says otherwise or somebody logs out; sessions that are there are left
# alone. The caller waits for iscsid.autologin_wait at most.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
times_read() { grep -c "settings are read again" "$WORK/iscsid.log"; }

# wait_setting SECONDS: iscsid uses it when this returns.
wait_setting() {
    local before
    before=$(times_read)
    sed -i "s/^iscsid.autologin_wait = .*/iscsid.autologin_wait = $1/" "$ISCSI_CONFIG_DIR/iscsid.conf"
    kill -HUP "$iscsid_pid"
    wait_until 10 eval "[ \"\$(times_read)\" -gt $before ]" || fail "the settings are not read"
}
start_target
for number in 1 2 3; do
    add_target $number "$TARGET_NAME-$number" 8M
done
start_iscsid
wait_setting 120
discover
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME-1" -o update -n node.startup -v automatic
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME-2" -o update -n node.startup -v automatic
export TARGET_PORT=$PORT
kept_are() { [ "$(iscsiadm --json -m session 2>/dev/null | grep -o "not logged in, iscsid has tried" | wc -l)" -eq "$1" ]; }
sessions_are() { [ "$(iscsiadm -m session -P 1 2>/dev/null | grep -c "iSCSI Connection State: LOGGED IN")" -eq "$1" ]; }
nothing_is_listed() { [ -z "$(iscsiadm -m session 2>/dev/null)" ]; }

# ---- what is there: as any login
expect_exit 0 iscsiadm -m node -L automatic --keep-trying
[ "$(grep -c "^Login to .* successful.$" "$WORK/out")" -eq 2 ] || fail "two logins expected: $(cat "$WORK/out")"
expect_no_err
sessions_are 2 || fail "two sessions expected"
expect_exit 15 iscsiadm -m node -L automatic --keep-trying

# ---- what is not there yet: the caller is told, the log has a line, the tries go on
stop_target
wait_setting 3
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME-3" -o update -n node.startup -v automatic
expect_exit 8 iscsiadm -m node -T "$TARGET_NAME-3" -l --keep-trying
expect_out "Logging in to [iface: default, target: $TARGET_NAME-3, portal: ${PORTAL/:/,}]"
expect_err "Could not login to [iface: default, target: $TARGET_NAME-3"
expect_err "Connection refused; iscsid keeps trying"
expect_exit 0 iscsiadm --json -m session
expect_out "$TARGET_NAME-3"
kept_are 1 || fail "one login is kept: $(cat "$WORK/out")"
expect_exit 0 iscsiadm -m session
expect_no_err
[ "$(grep -c "$TARGET_NAME-3.*not logged in, and tried again: " "$WORK/iscsid.log")" -eq 1 ] ||
    fail "the log has other lines: $(cat "$WORK/iscsid.log")"

# ---- a daemon that is killed leaves them to the next one
kill -9 "$iscsid_pid"
wait "$iscsid_pid" 2>/dev/null
start_iscsid
kept_are 1 || fail "the next daemon does not know it"
[ -s "$ISCSID_RUNTIME_DIR/kept-logins.json" ] || fail "it is noted nowhere"
start_target
for number in 1 2 3; do
    add_target $number "$TARGET_NAME-$number" 8M
done
wait_until 20 sessions_are 1 || fail "no login: $(cat "$WORK/iscsid.log")"
expect_exit 0 iscsiadm -m session
expect_out "$TARGET_NAME-3"
wait_until 20 kept_are 0 || fail "what is logged in is tried on" # its disks come a moment later
grep -q "$TARGET_NAME-3.*is logged in, after [0-9]* failed tries" "$WORK/iscsid.log" || fail "no end in the log"
[ -d "$ISCSID_RUNTIME_DIR" ] && [ ! -e "$ISCSID_RUNTIME_DIR/kept-logins.json" ] || fail "a file without logins is left"
iscsiadm -m node -u >/dev/null 2>&1

# ---- a logout ends it, while it is tried and in between, and so does its record
stop_target
for end in "node -T $TARGET_NAME-3 -u" "node -u" "node -U automatic" "session -u" \
    "node -T $TARGET_NAME-3 -o update -n node.startup -v manual"; do
    expect_exit 0 iscsiadm -m node -T "$TARGET_NAME-3" -o update -n node.startup -v automatic
    expect_exit 0 iscsiadm -m node -T "$TARGET_NAME-3" -l --keep-trying -W
    kept_are 1 || fail "it is not kept"
    # shellcheck disable=SC2086 # words
    expect_exit 0 iscsiadm -m $end
    wait_until 20 kept_are 0 || fail "$end does not end it"
    wait_until 20 nothing_is_listed || fail "$end leaves a session"
done

# ---- refused where it makes no sense
expect_exit 7 iscsiadm -m node --keep-trying
expect_exit 7 iscsiadm -m node -u --keep-trying
expect_exit 21 iscsiadm -m node -T iqn.2026-01.org.example:none -l --keep-trying

# ---- several portals of which one will do: only one of them answers. A logout by any of them ends it.
start_target
add_target 1 "$TARGET_NAME-1" 8M
dead=127.0.0.1:$(free_port)
expect_exit 0 iscsiadm -m node -o delete
expect_exit 0 iscsiadm -m node -o new -T "$TARGET_NAME-1" -p "$dead"
expect_exit 0 iscsiadm -m node -o new -T "$TARGET_NAME-1" -p "$PORTAL"
for key in "node.startup -v automatic" "node.leading_login -v Yes"; do
    # shellcheck disable=SC2086 # words
    expect_exit 0 iscsiadm -m node -T "$TARGET_NAME-1" -o update -n $key
done
wait_setting 120
expect_exit 0 iscsiadm -m node -L automatic --keep-trying
expect_out "Login to [iface: default, target: $TARGET_NAME-1, portal: ${PORTAL/:/,}] successful."
[ "$(wc -l <"$WORK/out")" -eq 2 ] || fail "one login expected: $(cat "$WORK/out")"
sessions_are 1 || fail "one session expected"
[ "$(sed -n 's/^Login to .*portal: 127.0.0.1,\([0-9]*\)\] successful.$/\1/p' "$WORK/out")" = "$PORT" ] || fail "by another portal"
expect_exit 0 iscsiadm -m node -L automatic --keep-trying
[ ! -s "$WORK/out" ] || fail "the target has a session: $(cat "$WORK/out")"
expect_exit 0 iscsiadm -m session -u
stop_target
expect_exit 0 iscsiadm -m node -L automatic --keep-trying -W
kept_are 2 || fail "both portals are tried"
expect_exit 0 iscsiadm -m node -p "$PORTAL" -u
wait_until 20 kept_are 0 || fail "a logout by one portal does not end it"
