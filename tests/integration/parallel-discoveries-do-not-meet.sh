#!/usr/bin/env bash
# Many discoveries of one portal at a time: for the target each is a session of its own, so none ends another.
. "$(dirname "$0")/../support/functions.sh"
start_test_target --luns 1 --size 16
start_iscsid
asked=()
for n in $(seq 20); do
    iscsiadm -m discovery -t st -p "$PORTAL" -o nonpersistent >"$WORK/found-$n" 2>"$WORK/err-$n" &
    asked+=($!)
done
for n in $(seq 20); do
    wait "${asked[n - 1]}" || fail "discovery $n: $(cat "$WORK/err-$n")"
    grep -q "$TARGET_NAME" "$WORK/found-$n" || fail "discovery $n found: $(cat "$WORK/found-$n")"
done
! grep -i "connection lost\|trying again" "$WORK/iscsid.log" || fail "discoveries end one another"
