#!/usr/bin/env bash
# iscsiadm -m session --luns: a line for each LUN that the target has, with a disk or without; one that
# hangs is named as such within seconds, and holds up nobody.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
[ -x /usr/bin/python3 ] || skip "needs python3"

# A value of the only document in $WORK/out: of the LUNs of the first session, by number.
value() {
    /usr/bin/python3 -c '
import json, sys
d = json.load(sys.stdin)
luns = {lun["lun"]: lun for lun in d["session_luns"][0]["luns"]}
print(eval(sys.argv[1]))' "$1" <"$WORK/out" || fail "no document: $(cat "$WORK/out")"
}
expect_value() { [ "$(value "$1")" = "$2" ] || fail "$1 is '$(value "$1")', expected '$2': $(cat "$WORK/out")"; }
# expect_line LUN PATTERN
expect_line() { grep -qE "^$1 +$2" "$WORK/out" || fail "no line '$1 $2': $(cat "$WORK/out")"; }

start_target
add_target 1 "$TARGET_NAME" 64M 32M
tgtadm --lld iscsi --op update --mode logicalunit --tid 1 --lun 2 --params thin_provisioning=1,readonly=1 ||
    fail "tgtadm"
start_iscsid
expect_exit 21 iscsiadm -m session --luns
log_in
expect_exit 0 iscsiadm -m session -r 1 --luns
expect_no_err
expect_out "LUNs of session [sid: 1, target: $TARGET_NAME, portal: 127.0.0.1,$PORT]"
expect_line 0 "storage array controller +IET Controller 0001 +- .* unusable +- +storage array controller$"
expect_line 1 "disk +IET VIRTUAL-DISK 0001 +64\.0 MiB +512 +360000000000000000e00000000010001 +no +yes +no +running +${disk[0]#/dev/}$"
expect_line 2 "disk +IET VIRTUAL-DISK 0001 +32\.0 MiB +512 +[0-9a-f]+ +yes +yes +yes +running +${disk[1]#/dev/}$"
expect_exit 0 iscsiadm -m session -r 1 --lun 1 --detach
expect_exit 0 iscsiadm -m session -r 1 --luns --json
expect_value 'luns[1]["state"], luns[1]["disk"], luns[1]["size"]' "('detached', None, 67108864)"
expect_value 'luns[2]["thin"], luns[2]["read_only"], luns[2]["write_cache"]' "(True, True, True)"
expect_value 'luns[0]["kind"], luns[0]["size"], luns[0]["thin"]' "('storage array controller', None, None)"
expect_value 'luns[2]["state"]' running
expect_exit 22 iscsiadm -m session -r 7 --luns
expect_exit 7 iscsiadm -m session -r 1 --luns -u

# Without a connection: what is known.
stop_target
is_lost() { iscsiadm -m session -P 1 | grep -qF "Internal iscsid Session State: REOPEN"; }
wait_until 20 is_lost || fail "the end of the target was not noticed"
expect_exit 0 iscsiadm -m session -r 1 --luns --json
expect_value 'sorted(luns)' '[2]'
expect_value 'luns[2]["size"]' 33554432
expect_err "the target cannot be asked"
expect_exit 0 iscsiadm -m node -u
expect_exit 0 iscsiadm -m node -o delete

# One LUN of three hangs after the login; then one that has no disk.
start_test_target --luns 3 --size 16
discover
expect_exit 0 iscsiadm -m node -o update -n node.session.scan -v manual
expect_exit 0 iscsiadm -m node -l
sid=$(iscsiadm -m session | sed 's/.*\[\([0-9]*\)\].*/\1/')
expect_exit 0 iscsiadm -m session -r "$sid" --luns --json
expect_value '[luns[n]["state"] for n in sorted(luns)]' "['no disk', 'no disk', 'no disk']"
expect_exit 0 iscsiadm -m session -r "$sid" --lun 0 --attach
for hung in 0 1; do
    tell_target "lun $hung hang on"
    expect_exit 0 timeout 40 iscsiadm -m session -r "$sid" --luns --json
    expect_value "luns[$hung]['state']" "no answer"
    expect_value "'no answer within' in luns[$hung]['why']" True
    expect_value 'luns[2]["state"], luns[2]["size"]' "('no disk', 16777216)"
    tell_target "lun $hung hang off"
done
expect_value 'luns[0]["state"]' running

# A LUN that hangs is refused in time, and holds up no other.
tell_target "lun 1 hang on"
expect_exit 33 timeout 60 iscsiadm -m session -r "$sid" --lun 1 --attach
expect_err "LUN 1: INQUIRY: no answer within"
expect_exit 0 iscsiadm -m session -r "$sid" --lun 2 --attach
tell_target "lun 1 hang off"
log_out
stop_test_target
