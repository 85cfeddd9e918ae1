#!/usr/bin/env bash
# Behind open-iscsi's words, on stderr, stands what happened: the target's own reason, where a redirection
# led, which LUN has no disk, and what a logout has lost. Who only read loses nothing.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
start_test_target --luns 2
start_iscsid
discover
record=(-m node -T "$TARGET_NAME" -p "$PORTAL")
name="[iface: default, target: $TARGET_NAME, portal: 127.0.0.1,$PORT]"
for setting in session.initial_login_retry_max=1 "conn[0].timeo.login_timeout=2" \
    "conn[0].timeo.logout_timeout=4"; do
    expect_exit 0 iscsiadm "${record[@]}" -o update -n "node.${setting%=*}" -v "${setting#*=}"
done

# refused STATUS REASON: a login that ends with that, in this order on stderr, and nothing on stdout.
refused() {
    expect_exit "$1" iscsiadm "${record[@]}" -l
    [ "$(cat "$WORK/out")" = "Logging in to $name" ] || fail "stdout: $(cat "$WORK/out")"
    [ "$(sed -n 1p "$WORK/err")" = "iscsiadm: Could not login to $name." ] || fail "first line"
    sed -n 2p "$WORK/err" | grep -qF "initiator reported error ($1 - " || fail "second line"
    [ "$(sed -n 3p "$WORK/err")" = "iscsiadm: $name: $2" ] || fail "reason: $(cat "$WORK/err")"
}
tell_target "refuse 2 1" && refused 24 "target answered 0201: Authentication failure"
tell_target "refuse 2 2" && refused 24 "target answered 0202: Authorization failure"
tell_target "refuse 2 3" && refused 19 "target answered 0203: Not found"
tell_target "refuse 2 8" && refused 19 "target answered 0208: Can't include in session"
tell_target "refuse 3 1" && refused 5 "target answered 0301: Service unavailable"
tell_target accept
tell_target "lun 0 offline" && tell_target "lun 1 offline"

# ---- LUNs without a disk
tell_target "lun 1 online"
expect_exit 0 iscsiadm "${record[@]}" -l
expect_out "Login to $name successful."
expect_err "iscsiadm: $name: LUN 0"
[ "$(wc -l <"$WORK/err")" -eq 1 ] || fail "one line for LUN 0: $(cat "$WORK/err")"
tell_target "lun 0 online"
expect_exit 0 iscsiadm "${record[@]}" -u
expect_no_err

# ---- a dead target: after reads nothing is lost, after writes it is said what
expect_exit 0 iscsiadm "${record[@]}" -l
mapfile -t disk < <(disks)
dd if="${disk[0]}" of=/dev/null bs=4k count=64 iflag=direct status=none || fail "read"
kill -9 "$test_target_pid"
expect_exit 0 iscsiadm "${record[@]}" -u
expect_out "successful."
! grep -q "with losses" "$WORK/err" || fail "reads are no loss: $(cat "$WORK/err")"

start_test_target --port "$PORT"
expect_exit 0 iscsiadm "${record[@]}" -l
mapfile -t disk < <(disks)
dd if=/dev/urandom of="${disk[0]}" bs=4k count=3 oflag=direct status=none || fail "write"
kill -9 "$test_target_pid"
expect_exit 10 iscsiadm "${record[@]}" -u
[[ $(sed -n 1p "$WORK/err") == "iscsiadm: Could not logout of [sid: "*"]." ]] || fail "first line"
expect_err "logged out, with losses: LUN 0"
expect_err "12288 bytes written since the last flush"
expect_exit 21 iscsiadm -m session
