#!/usr/bin/env bash
# A rescan of a session whose target does not answer at all fails with 33 and says so; one silent LUN beside
# others is a warning.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
start_test_target --luns 2 --size 16
start_iscsid
discover
# Else the connection may be given up while the LUNs are asked: 32.
expect_exit 0 iscsiadm -m node -o update -n 'node.conn[0].timeo.noop_out_interval' -v 0 \
    -n 'node.conn[0].timeo.noop_out_timeout' -v 60
expect_exit 0 iscsiadm -m node -l
[ "$(disks | wc -l)" -eq 2 ] || fail "two disks are expected: $(disks)"

tell_target "lun 1 hang on" >/dev/null
expect_exit 0 iscsiadm -m session -R
expect_err "LUN 1 is not usable: "
[ "$(wc -l <"$WORK/err")" -eq 1 ] || fail "more than a warning: $(cat "$WORK/err")"
tell_target "lun 1 hang off" >/dev/null
expect_exit 0 iscsiadm -m session -R
expect_no_err

kill -STOP "$test_target_pid"
expect_exit 33 iscsiadm -m node -R --json
expect_err "iscsiadm: Could not rescan session sid 1."
expect_err "the target does not answer: REPORT LUNS: no answer within 10 s"
expect_out '"exit_code":33,"error"'
# By now the connection may have been given up.
status=0
iscsiadm -m session -R >"$WORK/out" 2>"$WORK/err" || status=$?
[ $status -eq 33 ] || [ $status -eq 32 ] || fail "the next rescan: $status"
expect_err "iscsiadm: Could not rescan session sid 1."
kill -CONT "$test_target_pid"
recovers() { iscsiadm -m session -R; }
wait_until 60 recovers || fail "the session does not recover"
[ "$(disks | wc -l)" -eq 2 ] || fail "disks are gone: $(disks)"
log_out
