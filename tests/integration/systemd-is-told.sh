#!/usr/bin/env bash
# What the daemon tells whoever listens at NOTIFY_SOCKET: that it is ready and with what; that it reads its
# settings again, and is done; that it ends, for whom it waits meanwhile, and that this takes longer.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires python3
mkdir -p "$ISCSI_CONFIG_DIR"
cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/"
printf '%s\n' "iscsid.disk.driver = fuse" "iscsid.stop_timeout = 40" >>"$ISCSI_CONFIG_DIR/iscsid.conf"

# Each message ends with a line of its own.
python3 - "$WORK/notify" "$WORK/messages" <<'END' &
import socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
with open(sys.argv[2], "w", buffering=1) as messages:
    while True:
        messages.write(listener.recv(65536).decode() + "\n--\n")
END
listener=$!
at_end "kill $listener 2>/dev/null; wait $listener 2>/dev/null"
wait_until 20 test -S "$WORK/notify" && wait_until 20 test -e "$WORK/messages" || fail "nobody listens"

number_of() { grep -cE -- "^$1\$" "$WORK/messages"; }
is_told() { grep -qE -- "^$1\$" "$WORK/messages"; }
expect_told() { wait_until 20 is_told "$1" || fail "'$1' is not told: $(cat "$WORK/messages")"; }
expect_number() { wait_until 20 eval "[ \"\$(number_of $1)\" -eq $2 ]" || fail "$1: $(cat "$WORK/messages")"; }

start_target
add_target 1 "$TARGET_NAME" 16M
NOTIFY_SOCKET=$WORK/notify start_iscsid
expect_told "READY=1"
expect_told "STATUS=iscsid .*: disks by fuse, [0-9]+ lane\(s\) on .*"

# After RELOADING=1 systemd waits for a READY=1 that is newer than MONOTONIC_USEC.
kill -HUP "$iscsid_pid"
expect_told "RELOADING=1"
expect_told "MONOTONIC_USEC=[0-9]+"
expect_number READY=1 2

log_in
exec 9<>"${disk[0]}"
at_end 'exec 9>&-'
! is_told "STOPPING=1" || fail "it ends before it is told to"
kill "$iscsid_pid"
expect_told "STOPPING=1"
# The pause between two signs of life is five seconds.
expect_told "STATUS=ending, waits for LUN 1 \(${disk[0]#/dev/}\) .*open in bash.*"
extended=$(sed -n 's/^EXTEND_TIMEOUT_USEC=//p' "$WORK/messages" | head -n 1)
[ "${extended:-0}" -gt 5000000 ] || fail "systemd may give up before the next sign: ${extended:-none}"
exec 9>&-
stop_iscsid || fail "iscsid ended with $?"
expect_number READY=1 2
