#!/usr/bin/env bash
# iscsid in the background keeps no descriptor of its caller, neither in the daemon nor in its helper:
# `iscsid | cat` and `$(iscsid)` end when it is ready, and a lock of a script is free when that ends.
. "$(dirname "$0")/../support/functions.sh"
requires flock

# processes_of_daemon: the daemon with our PID file, and its children.
processes_of_daemon() {
    local pid
    pid=$(cat "$WORK/pid")
    echo "$pid" "$(cat "/proc/$pid/task/$pid/children")"
}

# foreign_descriptors: those of the daemon and its helper that lead to the caller's files.
foreign_descriptors() {
    local pid
    for pid in $(processes_of_daemon); do
        find "/proc/$pid/fd" -mindepth 1 -printf '%p -> %l\n' | grep -E "$WORK/(pipe|lock|words)"
    done
}

end_daemon() {
    [ -s "$WORK/pid" ] || return 0
    local pid
    pid=$(cat "$WORK/pid")
    kill "$pid"
    wait_until 20 eval "! kill -0 $pid" || fail "the daemon does not end"
}

echo "InitiatorName=$INITIATOR_NAME" >"$ISCSI_CONFIG_DIR/initiatorname.iscsi"
touch "$ISCSI_CONFIG_DIR/iscsid.conf"
at_end end_daemon

timeout 20 bash -c "iscsid -p '$WORK/pid' 2>&1 | cat >'$WORK/words'" || fail "iscsid | cat does not end: $?"
end_daemon

(
    exec 8<>"$WORK/lock" 9>&1 >"$WORK/words" 2>&1
    flock 8
    iscsid -p "$WORK/pid"
) || fail "iscsid does not start: $(cat "$WORK/words")"
[ "$(processes_of_daemon | wc -w)" -ge 2 ] || fail "there is no helper"
[ -z "$(foreign_descriptors)" ] || fail "kept: $(foreign_descriptors)"
flock -n "$WORK/lock" true || fail "the lock of the caller is kept"
end_daemon

# Without any of the three, no socket of the daemon gets their numbers.
(iscsid -p "$WORK/pid" <&- >&- 2>&-) || fail "iscsid does not start without descriptors"
wait_until 10 daemon_answers || fail "it does not answer"
for number in 0 1 2; do
    [ "$(readlink "/proc/$(cat "$WORK/pid")/fd/$number")" = /dev/null ] || fail "descriptor $number is in use"
done
end_daemon
rm -f "$WORK/pid"
