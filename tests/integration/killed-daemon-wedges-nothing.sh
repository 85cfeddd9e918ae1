#!/usr/bin/env bash
# kill -9 of iscsid while a call to its own disk waits for a target that does not answer (binding the loop
# device, flushing it for a logout): no process of it is left, other loop devices work, the next iscsid
# cleans up and logs in again.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks

# What hangs, and with it others' loop devices, is freed by the same way as by iscsid.
abort_connections() {
    local device path rest
    mkdir -p "$WORK/fusectl" && mount -t fusectl none "$WORK/fusectl" || return
    while read -r _ _ device _ path rest; do
        case $path in "$WORK"/*) echo 1 >"$WORK/fusectl/${device#0:}/abort" ;; esac
    done < <(grep ' - fuse.iscsid ' /proc/self/mountinfo)
    umount "$WORK/fusectl"
    awk -v w="$WORK/run/" 'index($2, w) == 1 { print $2 }' /proc/self/mounts | xargs -r -n 1 umount -l
    for path in $(leftovers); do
        case $path in /sys/block/*) path=${path#/sys/block/} && losetup -d "/dev/${path%%/*}" ;; esac
    done
}
at_end '[ -z "$(leftovers)" ] || abort_connections'

# The processes of the helper: each makes one call.
calls() { pgrep -P "$(pgrep -P "$iscsid_pid" -f iscsid-disk-helper)"; }
helper_waits() { [ -n "$(calls)" ]; }
is_gone() { ! kill -0 "$1"; }

# kill_with CALL: the daemon ends although CALL is under way, and so do all processes of its.
kill_with() {
    local pid helper all
    wait_until 30 helper_waits || fail "$1 does not wait for the target"
    helper=$(pgrep -P "$iscsid_pid" -f iscsid-disk-helper)
    mapfile -t all < <(echo "$iscsid_pid"; echo "$helper"; calls)
    kill -9 "$iscsid_pid"
    for pid in "${all[@]}"; do
        wait_until 10 is_gone "$pid" || fail "$1: process $pid is still there: $(ps -o pid,stat,wchan,args -p "$pid")"
    done
    wait "$iscsid_pid" 2>/dev/null
    iscsid_pid=''
    truncate -s 8M "$WORK/image"
    timeout 20 bash -ec 'node=$(losetup -f --show "$1"); dd if=/dev/zero of="$node" bs=1M count=1 conv=fsync status=none
        losetup -d "$node"' _ "$WORK/image" || fail "$1: other loop devices do not work"
}

# goes_on_with CALL: nothing is left for the next daemon but what it removes, and then all is well.
goes_on_with() {
    : >"$WORK/iscsid.log"
    start_iscsid
    grep -q 'removed .* left behind by an iscsid that was killed' "$WORK/iscsid.log" ||
        fail "$1: the next iscsid says nothing of what it found"
    log_in
    [ ${#disk[@]} -eq 2 ] || fail "$1: two disks expected: ${disk[*]}"
    dd if=/dev/urandom of="${disk[0]}" bs=1M count=2 oflag=direct conv=fsync status=none || fail "$1: write"
}

# The first flush is that of LOOP_CONFIGURE, for one of two units.
start_test_target --luns 2 --fault 'scsi-command/0x35 1: hold'
start_iscsid
discover
iscsiadm -m node -l >/dev/null 2>&1 &
kill_with 'binding a loop device'
goes_on_with 'binding a loop device'

# With what the next one has, everything of the target is silent.
kill -STOP "$test_target_pid"
iscsiadm -m node -u >/dev/null 2>&1 &
kill_with 'the flush of a logout'
kill -CONT "$test_target_pid"
goes_on_with 'the flush of a logout'

# And while a partition of the disk or the disk itself is looked at for its users.
kill -STOP "$test_target_pid"
timeout 30 dd if="${disk[1]}" of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null &
reader=$!
iscsiadm -m node -u >/dev/null 2>&1 &
kill_with 'a logout beside a reader'
wait_until 10 is_gone "$reader" || fail "a reader of the dead disk still waits"
kill -CONT "$test_target_pid"
goes_on_with 'a logout beside a reader'
log_out
stop_iscsid || fail "iscsid ended with $?"
stop_test_target
