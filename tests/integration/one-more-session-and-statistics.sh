#!/usr/bin/env bash
# `session -r N -o new` makes one session more than the record says; -s counts what each has moved.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks

# counter SID NAME
counter() {
    iscsiadm -m session -r "$1" -s | sed -n "s/^\t$2: //p"
}

start_target
add_target 1 "$TARGET_NAME" 32M
start_iscsid
log_in
expect_exit 0 iscsiadm -m session -r 1 -o new
grep -qx "Login to \[iface: default, target: $TARGET_NAME, portal: 127.0.0.1,$PORT\] successful." "$WORK/out" ||
    fail "words of the login: $(cat "$WORK/out")"
[ "$(iscsiadm -m session | wc -l)" -eq 2 ] || fail "two sessions expected: $(iscsiadm -m session)"
expect_exit 0 iscsiadm -m session -r 1 -s
head -n 2 "$WORK/out" | tail -n 1 | grep -qx 'iSCSI SNMP:' || fail "words of the statistics: $(cat "$WORK/out")"
[ "$(grep -cE $'^\t[a-z0-9_]+: [0-9]+$' "$WORK/out")" -eq 21 ] || fail "21 counters: $(cat "$WORK/out")"
[ "$(counter 1 scsicmd_pdus)" -gt 0 ] || fail "no command was counted"
before=$(counter 2 rxdata_octets)
expect_exit 0 iscsiadm -m session -r 2 -R
[ "$(counter 2 rxdata_octets)" -gt "$before" ] || fail "a rescan has moved nothing"
expect_exit 0 iscsiadm -m session -u
