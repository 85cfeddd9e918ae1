#!/usr/bin/env bash
# What keeps the daemon alive while the kernel is short of memory: no thread waits for the reclaim of
# its own disks, its memory is locked, the OOM killer passes it over. A system that refuses all that
# is told of, once each, and served. Usage: safety-of-the-daemon.sh [DRIVER]
. tests/support/functions.sh
. tests/vm/lio.sh

driver=${1:-ublk}
io_flusher=$((0x80000 | 0x100000)) # PF_MEMALLOC_NOIO | PF_LOCAL_THROTTLE
warnings=("PR_SET_IO_FLUSHER is refused" "memory cannot be locked" "oom_score_adj cannot be set")

# Flags are field 9; the name before them may hold blanks.
flags_of() { sed 's/.*) //' "/proc/$iscsid_pid/task/$1/stat" | cut -d ' ' -f 7; }

# Threads of io_uring come and go.
threads() { ls "/proc/$iscsid_pid/task"; }

# Prints the names of the threads that are IO flushers, and of those that are not.
look_at_threads() {
    local thread flags
    flushers=() others=()
    for thread in $(threads); do
        flags=$(flags_of "$thread" 2>/dev/null) && [ -n "$flags" ] || continue
        if [ $((flags & io_flusher)) -eq $io_flusher ]; then
            flushers+=("$(cat "/proc/$iscsid_pid/task/$thread/comm")")
        else
            others+=("$(cat "/proc/$iscsid_pid/task/$thread/comm")")
        fi
    done
    echo "IO flushers: ${flushers[*]:-none}; others: ${others[*]:-none}"
}

oom_score_adj() { cat "/proc/$iscsid_pid/oom_score_adj"; }
locked_kib() { awk '$1 == "VmLck:" { print $2 }' "/proc/$iscsid_pid/status"; }

# expect_said TIMES: each warning stands so often in the log.
expect_said() {
    local words
    for words in "${warnings[@]}"; do
        [ "$(grep -c "$words" "$WORK/iscsid.log")" -eq "$1" ] || fail "not $1 times in the log: '$words'"
    done
}

# Verified writes; the threads are looked at while they go on.
serve() {
    log_in
    [ ${#disk[@]} -eq 1 ] || fail "one disk expected: ${disk[*]}"
    fio --name=verify --filename="${disk[0]}" --direct=1 --ioengine=libaio --iodepth=8 --rw=randwrite \
        --bsrange=4k-256k --size=8m --fsync=16 --verify=crc32c --verify_fatal=1 --verify_state_save=0 \
        --output="$WORK/fio" &
    local fio_pid=$!
    wait_until 20 eval 'read -r _ _ _ _ written _ <"/sys/block/${disk[0]##*/}/stat" && [ "$written" -gt 0 ]' ||
        fail "fio does not start"
    look_at_threads
    wait $fio_pid || fail "fio: $(cat "$WORK/fio")"
}

start_lio
lio_disk d0 32M
lio_map d0 0
use_driver "$driver"

start_iscsid
serve
[ ${#others[@]} -eq 0 ] || fail "these threads may wait for their own disks: ${others[*]}"
[ ${#flushers[@]} -gt 10 ] || fail "too few threads were seen: ${flushers[*]}"
[ "$(oom_score_adj)" = -1000 ] || fail "oom_score_adj is $(oom_score_adj)"
[ "$(locked_kib)" -gt 0 ] || fail "no memory is locked"
expect_said 0
log_out
stop_iscsid || fail "iscsid ended with $?"

# As in a container: nothing of that is allowed. The name stands for the program from here on.
iscsid() {
    ulimit -l 64
    exec setpriv --bounding-set=-sys_resource,-ipc_lock iscsid "$@"
}
: >"$WORK/iscsid.log"
start_iscsid
serve
[ ${#flushers[@]} -eq 0 ] || fail "nothing was refused: ${flushers[*]}"
[ "$(oom_score_adj)" = 0 ] || fail "oom_score_adj is $(oom_score_adj)"
[ "$(locked_kib)" -eq 0 ] || fail "$(locked_kib) KiB are locked"
expect_said 1
log_out
echo "protected, and served without"
