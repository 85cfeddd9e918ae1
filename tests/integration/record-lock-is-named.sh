#!/usr/bin/env bash
# Who has to wait for the lock of the records is told on a terminal what holds it, and who may not have it
# in the end is told so everywhere; a program that waits and gets it sees nothing.
. "$(dirname "$0")/../support/functions.sh"
requires script perl
new=(iscsiadm -m node -T "$TARGET_NAME" -p "127.0.0.1:3260,1" -o new)
waiting() { echo "iscsiadm: waiting for the lock $ISCSI_DATABASE_DIR/.lock, held by process $holder (perl), "; }
terminal_says() { grep -qF -- "$1" "$WORK/terminal"; }
expect_exit 0 "${new[@]}"

# hold_lock: a process of our own has the OFD lock until release_lock.
# shellcheck disable=SC2016 # perl's variables
hold_lock() {
    perl -e '
        use Fcntl;
        open(my $file, "+<", $ARGV[0]) or die;
        my ($ofd_setlk, $whole) = (37, pack("s s x4 q q l x4", F_WRLCK, 0, 0, 0, 0));
        fcntl($file, $ofd_setlk, $whole) or die "lock: $!";
        open(my $said, ">", $ARGV[1]) or die;
        close($said);
        sleep' "$ISCSI_DATABASE_DIR/.lock" "$WORK/held" 2>"$WORK/holder.log" &
    holder=$!
    at_end "kill $holder 2>/dev/null"
    wait_until 10 test -e "$WORK/held" || fail "no lock: $(cat "$WORK/holder.log")"
    rm "$WORK/held"
}

release_lock() {
    kill "$holder"
    wait "$holder" 2>/dev/null || true
}

hold_lock
script -qefc "${new[*]}" "$WORK/terminal" </dev/null >/dev/null 2>&1 &
caller=$!
wait_until 20 terminal_says "$(waiting)" || fail "nothing is said: $(cat -v "$WORK/terminal")"
release_lock
wait "$caller" || fail "the record is not made: $(cat -v "$WORK/terminal")"
grep -qP '\r\x1b\[KNew iSCSI node' "$WORK/terminal" || fail "the line stays: $(cat -v "$WORK/terminal")"

hold_lock
rm "$WORK/terminal"
"${new[@]}" >"$WORK/out" 2>"$WORK/err" &
caller=$!
script -qefc "${new[*]}" "$WORK/terminal" </dev/null >/dev/null 2>&1 &
other=$!
wait_until 20 terminal_says "$(waiting)" || fail "nothing is said: $(cat -v "$WORK/terminal")"
[ ! -s "$WORK/err" ] || fail "a program is told of the wait: $(cat "$WORK/err")"
status=0
wait "$caller" || status=$?
[ $status -eq 6 ] || fail "without the lock: $status"
expect_err "$ISCSI_DATABASE_DIR/.lock"
expect_err "waited 30000 ms for process $holder (perl), which is changing the records"
[ "$(wc -l <"$WORK/err")" -eq 1 ] || fail "more than one line: $(cat "$WORK/err")"
wait "$other"
terminal_says "waited 30000 ms for process $holder (perl)" || fail "not on a terminal: $(cat -v "$WORK/terminal")"
release_lock
