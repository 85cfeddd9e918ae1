#!/usr/bin/env bash
# A daemon that may not open as many files as its disks need: each LUN without a disk is named to whoever
# logs in, nothing half-made stays, the others work, and a logout leaves nothing. Where more files are
# allowed than the shell gives, the daemon takes them.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
start_target
sizes=()
for _ in $(seq 40); do sizes+=(1M); done
add_target 1 "$TARGET_NAME" "${sizes[@]}"
start_iscsid
discover
stop_iscsid || fail "iscsid ended with $?"

mounts() { grep -c " $ISCSID_RUNTIME_DIR/disks/" /proc/self/mounts; }
start_limited() {
    (ulimit -S -n "$1" && ulimit -H -n "$2" && exec "$BUILD/iscsid/iscsid" -f -n) >>"$WORK/iscsid.log" 2>&1 &
    # shellcheck disable=SC2034 # for stop_iscsid
    iscsid_pid=$!
    wait_until 10 daemon_answers || fail "iscsid does not start"
}

start_limited 60 60
expect_exit 0 iscsiadm -m node -l
mapfile -t disk < <(disks)
missing=$((40 - ${#disk[@]}))
[ "$missing" -gt 0 ] && [ ${#disk[@]} -gt 0 ] || fail "${#disk[@]} disks with 60 files: nothing is tested"
[ "$(grep -c 'LUN [0-9]*: .*Too many open files' "$WORK/err")" -eq "$missing" ] ||
    fail "$missing LUNs have no disk, and stderr says: $(cat "$WORK/err")"
[ "$(mounts)" -eq ${#disk[@]} ] || fail "$(mounts) mounts for ${#disk[@]} disks: $(grep "$ISCSID_RUNTIME_DIR" /proc/self/mounts)"
dd if=/dev/zero of="${disk[-1]}" bs=4k count=4 oflag=direct status=none || fail "${disk[-1]} cannot be written"
log_out
[ "$(mounts)" -eq 0 ] || fail "left behind: $(grep "$ISCSID_RUNTIME_DIR" /proc/self/mounts)"
stop_iscsid || fail "iscsid ended with $?"

start_limited 60 4096
expect_exit 0 iscsiadm -m node -l
expect_no_err
mapfile -t disk < <(disks)
[ ${#disk[@]} -eq 40 ] || fail "40 disks expected: ${#disk[@]}"
log_out
