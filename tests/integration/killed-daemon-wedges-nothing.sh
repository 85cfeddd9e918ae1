#!/usr/bin/env bash
# kill -9 of iscsid while a call to its own disk is under way: because the target does not answer (binding
# the loop device, flushing it for a logout), or because the daemon itself is stopped, at each call that a
# login, a rescan of a unit that has grown and a logout make. No process of it is left, other loop devices
# work, the helper takes the dead disks away, and the next iscsid logs in again.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires ss

# What hangs, and with it others' loop devices, is freed by the same way as by iscsid.
abort_connections() {
    local device path rest
    mkdir -p "$WORK/fusectl" && mount -t fusectl none "$WORK/fusectl" || return
    while read -r _ _ device _ path rest; do
        case $path in "$WORK"/*) echo 1 >"$WORK/fusectl/${device#0:}/abort" ;; esac
    done < <(grep ' - fuse.iscsid ' /proc/self/mountinfo)
    umount "$WORK/fusectl"
    remove_leftovers
}
at_end '[ -z "$(leftovers)" ] || abort_connections'

# The processes of the helper: each makes one call.
calls() { pgrep -P "$(pgrep -P "$iscsid_pid" -f iscsid-disk-helper)"; }
helper_waits() { [ -n "$(calls)" ]; }
is_gone() { ! kill -0 "$1"; }

# kill_with CALL: the daemon ends although CALL is under way, and so do all processes of its.
kill_with() {
    wait_until 30 helper_waits || fail "$1 does not wait for the target"
    kill_at "$1"
}

# kill_at CALL: now.
kill_at() {
    local pid helper all
    helper=$(pgrep -P "$iscsid_pid" -f iscsid-disk-helper)
    mapfile -t all < <(echo "$iscsid_pid"; echo "$helper"; calls)
    kill -9 "$iscsid_pid"
    for pid in "${all[@]}"; do
        wait_until 10 is_gone "$pid" || fail "$1: process $pid is still there: $(ps -o pid,stat,wchan,args -p "$pid")"
    done
    wait "$iscsid_pid" 2>/dev/null
    iscsid_pid=''
    wait_until 10 eval '[ -z "$(leftovers)" ]' || fail "$1: left until the next iscsid: $(leftovers)"
    truncate -s 8M "$WORK/image"
    timeout 20 bash -ec 'node=$(losetup -f --show "$1"); dd if=/dev/zero of="$node" bs=1M count=1 conv=fsync status=none
        losetup -d "$node"' _ "$WORK/image" || fail "$1: other loop devices do not work"
}

# goes_on_with CALL: nothing is left for the next daemon, and all is well.
goes_on_with() {
    : >"$WORK/iscsid.log"
    start_iscsid
    log_in
    [ ${#disk[@]} -eq 2 ] || fail "$1: two disks expected: ${disk[*]}"
    dd if=/dev/urandom of="${disk[0]}" bs=1M count=2 oflag=direct conv=fsync status=none || fail "$1: write"
}

# The first flush is that of LOOP_CONFIGURE, for one of two units. Killed before it is there, the daemon
# would leave the fault to the next one.
is_held() { [ "$(tell_target held)" = 1 ]; }
start_test_target --luns 2 --fault 'scsi-command/0x35 1: hold'
start_iscsid
discover
iscsiadm -m node -l >/dev/null 2>&1 &
wait_until 30 is_held || fail "the flush does not come"
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

# ---- every call of the daemon to its helper -----------------------------------------------------------------
# The daemon answers what FUSE asks of its disks, so a call is held by stopping the daemon: the helper is
# stopped until the question has come, then the daemon is, then the helper makes the call.

# has_question: the helper has been asked something that it has not read yet.
has_question() { ss -xp 2>/dev/null | awk -v who="pid=$helper," 'index($0, who) && $3 > 0 { found = 1 } END { exit !found }'; }
is_answered() { ! ps -o stat= --ppid "$helper" | grep -qv '^Z'; } # which the helper has not waited for yet
# It waits for questions again: a call that has begun waits for nothing that the helper still has to do.
helper_sleeps() { [[ $(ps -o stat= -p "$helper") == S* ]]; }
is_over() { ! kill -0 "$verb" 2>/dev/null; }

# next_question: true when the helper, which is stopped, has one; false when the verb is over without.
next_question() {
    wait_until 30 eval 'has_question || is_over' || fail "neither a question nor an end"
    has_question
}

# kill_at_question NUMBER VERB…: the daemon is killed while the NUMBERth call that VERB needs is under way.
# False: it needs fewer.
kill_at_question() {
    local number=$1 passed=0
    shift
    helper=$(pgrep -P "$iscsid_pid" -f iscsid-disk-helper)
    kill -STOP "$helper"
    "$@" >/dev/null 2>&1 &
    verb=$!
    while next_question; do
        passed=$((passed + 1))
        kill -STOP "$iscsid_pid" # so that the helper is asked nothing else
        kill -CONT "$helper"
        wait_until 30 eval '! has_question && helper_sleeps' || fail "the helper reads nothing"
        [ $passed -lt "$number" ] || break
        kill -STOP "$helper"
        kill -CONT "$iscsid_pid"
        wait_until 30 is_answered || fail "call $passed of $* does not end"
    done
    [ $passed -eq "$number" ] || { kill -CONT "$helper"; return 1; }
    kill_at "call $number of $*"
    wait "$verb" 2>/dev/null
    return 0
}

# goes_on CALL: the same after any call.
goes_on() {
    : >"$WORK/iscsid.log"
    start_iscsid
    log_in
    [ ${#disk[@]} -eq 2 ] || fail "$1: two disks expected: ${disk[*]}"
    dd if=/dev/urandom of="${disk[0]}" bs=1M count=2 oflag=direct conv=fsync status=none || fail "$1: write"
}

# at_each_question PREPARE VERB…: PREPARE, then VERB with the daemon killed at its first call; the same with the
# second, and so on until VERB ends with fewer.
at_each_question() {
    local prepare=$1 number=1
    shift
    while $prepare && kill_at_question $number "$@"; do
        goes_on "call $number of $*"
        number=$((number + 1))
    done
    [ $number -gt 1 ] || fail "$* asks the helper nothing"
    echo "$*: killed at each of $((number - 1)) calls"
}

size=64
grow() { size=$((size + 8)) && [ "$(tell_target "lun 0 size $size quietly")" = ok ]; }
begin_logged_out() { [ ${#disk[@]} -eq 0 ] || { log_out && disk=(); }; }
begin_logged_in() { [ -n "$(disks)" ] || log_in; }
disk=()
at_each_question begin_logged_out iscsiadm -m node -l
begin_logged_in
at_each_question grow iscsiadm -m session -R
at_each_question begin_logged_in iscsiadm -m node -u
stop_iscsid || fail "iscsid ended with $?"
stop_test_target
