#!/usr/bin/env bash
# A call that lasts says on a terminal what it waits for, and nothing to programs; Ctrl-C ends it and what
# it began.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires script
start_test_target
start_iscsid
discover
wish=(iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL" -l)
nothing_is_listed() { ! iscsiadm -m session; }
terminal_says() { grep -qF "$1" "$WORK/terminal"; }

# on_terminal: the login, in the background; what the terminal shows is in $WORK/terminal. What is
# written to descriptor 3 is typed.
on_terminal() {
    rm -f "$WORK/terminal" "$WORK/keys"
    mkfifo "$WORK/keys"
    script -qefc "${wish[*]}" "$WORK/terminal" <"$WORK/keys" >/dev/null 2>&1 &
    caller=$!
    exec 3>"$WORK/keys"
    wait_until 30 terminal_says "iscsiadm: waiting for 1 of 1 logins, " || fail "nothing is said"
}

kill -STOP "$test_target_pid"
on_terminal
kill -CONT "$test_target_pid"
wait "$caller" || fail "the login failed: $(cat "$WORK/terminal")"
exec 3>&-
terminal_says "successful." || fail "the login: $(cat "$WORK/terminal")"
# FUSE disks end with the daemon: said once for the session, to people only.
[ "$(grep -c "its disks end with this iscsid" "$WORK/terminal")" -eq 1 ] ||
    fail "not said once that the disks end: $(cat -v "$WORK/terminal")"
# The line is erased before the words of the result.
grep -qP '\r\x1b\[KLogin to \[' "$WORK/terminal" || fail "the line stays: $(cat -v "$WORK/terminal")"
log_out

kill -STOP "$test_target_pid"
on_terminal
printf '\003' >&3
status=0
wait "$caller" || status=$?
exec 3>&-
[ $status -eq 1 ] || fail "Ctrl-C: $status, $(cat -v "$WORK/terminal")"
terminal_says "iscsiadm: caught SIGINT, exiting..." || fail "no word: $(cat -v "$WORK/terminal")"
wait_until 10 nothing_is_listed || fail "the login goes on without its caller"
kill -CONT "$test_target_pid"

expect_exit 0 "${wish[@]}"
expect_no_err
log_out
