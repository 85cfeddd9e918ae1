#!/usr/bin/env bash
# With the journal at the other end of stderr, lines go to it with fields: target, session, LUN and disk, and
# a MESSAGE_ID for events, each of which the manual page has. Its socket here is ours, in a mount namespace.
if [ -z "${IN_OWN_NAMESPACE:-}" ] && [ "$(id -u)" -eq 0 ]; then
    unshare -m --propagation private true 2>/dev/null &&
        IN_OWN_NAMESPACE=yes exec "$(dirname "$0")/../support/own-mounts" bash "$0" "$@"
fi
. "$(dirname "$0")/../support/functions.sh"
[ -n "${IN_OWN_NAMESPACE:-}" ] || skip "needs root and a mount namespace"
requires perl
mount -t tmpfs none /run && mkdir -p /run/systemd/journal "$ISCSID_RUNTIME_DIR" || skip "needs mount"

# What journald would get: a line for each message, its fields behind each other; a value with a newline or
# a long one would look otherwise, and is none here.
perl -MIO::Socket::UNIX -MSocket -e '
    my $journal = IO::Socket::UNIX->new(Local => $ARGV[0], Type => SOCK_DGRAM) or die "$!";
    open my $to, ">", $ARGV[1]; $to->autoflush(1);
    while (defined $journal->recv(my $message, 65536)) { $message =~ tr/\n/|/; print $to "|$message\n" }
' /run/systemd/journal/socket "$WORK/journal" &
listener=$!
at_end "kill $listener 2>/dev/null; wait $listener 2>/dev/null"
wait_until 20 test -S /run/systemd/journal/socket || fail "nobody listens"

# has FIELD=VALUE…: one message has all of these.
has() {
    local found field
    found=$(cat "$WORK/journal")
    for field in "$@"; do found=$(grep -F "|$field|" <<<"$found"); done
    [ -n "$found" ]
}
gets() { wait_until 20 has "$@" || fail "no message has $*: $(cat "$WORK/journal")"; }
id_of() { sed -n "s/^inline constexpr auto $1 = sys::event(\"\(.*\)\");/\1/p" "$events"; }

events=$(dirname "$0")/../../iscsid/session/log_events.hpp
diff <(grep -o '"[0-9a-f]\{32\}"' "$events" | tr -d '"' | sort) \
    <(grep -o '^\.It Cm [0-9a-f]\{32\}$' "$(dirname "$0")/../../man/iscsid.8" | cut -d' ' -f3 | sort) ||
    fail "MESSAGE_IDs differ (< source, > manual page)"

echo 'iscsid.disk.driver = export' >"$ISCSI_CONFIG_DIR/iscsid.conf"
: >"$WORK/iscsid.log"
JOURNAL_STREAM=$(stat -c %d:%i "$WORK/iscsid.log") start_iscsid
start_test_target
discover
expect_exit 0 iscsiadm -m node -l
gets "MESSAGE_ID=$(id_of session_up)" "ISCSI_TARGET=$TARGET_NAME" "ISCSI_PORTAL=$PORTAL" ISCSI_SID=1 \
    ISCSI_IFACE=default PRIORITY=6 SYSLOG_IDENTIFIER=iscsid
kill -9 "$test_target_pid"
wait "$test_target_pid" 2>/dev/null || true
gets "MESSAGE_ID=$(id_of connection_lost)" "ISCSI_TARGET=$TARGET_NAME" ISCSI_SID=1 PRIORITY=4
[ ! -s "$WORK/iscsid.log" ] || fail "lines on stderr: $(cat "$WORK/iscsid.log")"
expect_exit 0 iscsiadm -m node -u
gets "MESSAGE_ID=$(id_of logged_out)" "ISCSI_TARGET=$TARGET_NAME"

# Without the journal there is no line less.
kill "$listener"
wait "$listener" 2>/dev/null || true
rm /run/systemd/journal/socket
kill -HUP "$iscsid_pid"
wait_until 20 grep -qx '<6>settings are read again, for what comes next' "$WORK/iscsid.log" ||
    fail "nothing on stderr: $(cat "$WORK/iscsid.log")"
