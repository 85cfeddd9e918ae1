#!/usr/bin/env bash
# -s counts the requests of each LUN with their latencies; --watch shows their rates, on a terminal in its
# size, to a pipe one table after the other.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires tmux
start_target
add_target 1 "$TARGET_NAME" 32M 32M
start_iscsid
log_in

# figure LUN KIND FIELD: "ended", "failed", of what -s says.
figure() {
    iscsiadm -m session -r 1 -s | sed -n "/^\tLUN $1, /,/^\tLUN/s/^\t\t$2: \(.* \)\?\([0-9]\+\) $3.*/\2/p" | head -n 1
}
direct_write() { dd if=/dev/zero of="$1" bs=64k count="$2" oflag=direct status=none; }

before=$(figure 1 write bytes)
idle=$(figure 2 write bytes)
direct_write "${disk[0]}" 16
[ "$(figure 1 write bytes)" -eq $((${before:-0} + 1048576)) ] ||
    fail "1 MiB after ${before:-0}: $(iscsiadm -m session -r 1 -s)"
[ "$(figure 2 write bytes)" = "$idle" ] || fail "LUN 2 was not written"
[ "$(figure 1 write failed)" -eq 0 ] || fail "nothing has failed"
iscsiadm -m session -r 1 -s | grep -qE $'^\t\t\t< [0-9.]+ (us|ms|s): [0-9]+$' || fail "no latencies"
iscsiadm -m session -r 1 -s --json | grep -q '"kind":"write","in_flight":0,"requests":[1-9]' ||
    fail "the document: $(iscsiadm -m session -r 1 -s --json)"

load() {
    while [ ! -e "$WORK/enough" ] && kill -0 $$ 2>/dev/null; do
        direct_write "${disk[0]}" 16
    done
}
load &
loader=$!
at_end "touch $WORK/enough; wait $loader"

# Until the second table or a later one has writes of the first disk, then the reader goes.
timeout 60 iscsiadm -m session --watch |
    awk -v "disk=${disk[0]#/dev/}" '{ print } /^ SID/ { ++tables } $2 == disk && tables > 1 && $4 ~ /[1-9]/ { exit }' \
        >"$WORK/piped" || true
[ "$(grep -c '^ SID' "$WORK/piped")" -ge 2 ] || fail "two tables: $(cat "$WORK/piped")"
tail -n 1 "$WORK/piped" | grep -qE "^ +1 ${disk[0]#/dev/} +[0-9.]+ +[0-9.]*[1-9]" || fail "no writes: $(cat "$WORK/piped")"
! grep -q $'\x1b' "$WORK/piped" || fail "a pipe is no terminal"

tmux=(tmux -S "$WORK/tmux")
screen() { "${tmux[@]}" capture-pane -p -t watch; }
is_shown() { screen | grep -qE "$1"; }
"${tmux[@]}" -f /dev/null new-session -d -s watch -x 80 -y 24 "PS1='ready ' sh" || fail "tmux"
at_end "${tmux[*]} kill-server 2>/dev/null || true"
"${tmux[@]}" send-keys -t watch "iscsiadm -m session --watch" Enter
wait_until 20 is_shown "^ +1 ${disk[0]#/dev/} +[0-9]+ +[1-9]" || fail "the screen: $(screen)"
wait_until 20 is_shown "^ +2 ${disk[1]#/dev/} +0 +0" || fail "an idle disk: $(screen)"
[ "$(screen | grep -c '^ SID')" -eq 1 ] || fail "one table on a terminal: $(screen)"
touch "$WORK/enough"
wait_until 20 is_shown "^ +1 ${disk[0]#/dev/} +0 +0" || fail "when it is over: $(screen)"
"${tmux[@]}" resize-window -t watch -x 80 -y 5
wait_until 20 is_shown "\([0-9]+ lines more\)" || fail "a small terminal: $(screen)"
"${tmux[@]}" send-keys -t watch C-c
wait_until 10 is_shown "^ready" || fail "after Ctrl-C: $(screen)"
log_out
