#!/usr/bin/env bash
# What disks and sessions cost the daemon: 64 logical units in one session, then 32 sessions of one each,
# or DISKS and half as many. Memory (kiB) and descriptors must grow linearly.
# Usage: many-disks.sh ublk|nbd [DISKS]; DISKS is a multiple of 4.
here=$(dirname "$0")
. "$here/../support/functions.sh"
. "$here/lio.sh"
requires fio
driver=${1:-ublk} most_disks=${2:-64}
most_sessions=$((most_disks / 2))
first_name=$TARGET_NAME
declare -A figure

measure() {
    local what
    for what in RssAnon VmData VmLck; do
        figure[$1,$2,$what]=$(awk -v what="$what:" '$1 == what { print $2 }' "/proc/$iscsid_pid/status")
    done
    figure[$1,$2,descriptors]=$(find "/proc/$iscsid_pid/fd" -mindepth 1 | wc -l)
    printf '%5s s: %2d %s: RssAnon %d VmData %d VmLck %d descriptors %d\n' "$(cut -d . -f 1 /proc/uptime)" "$2" "$1" \
        "${figure[$1,$2,RssAnon]}" "${figure[$1,$2,VmData]}" "${figure[$1,$2,VmLck]}" \
        "${figure[$1,$2,descriptors]}"
}

# expect_linear THING START HALF FULL: the second half costs no more than 1.5 times the first.
# Allocators take memory in pieces; below $slack nothing is said.
expect_linear() {
    local what low high slack
    for what in RssAnon VmData descriptors; do
        low=$((figure[$1,$3,$what] - figure[$1,$2,$what]))
        high=$((figure[$1,$4,$what] - figure[$1,$3,$what]))
        echo "per $1: $what $(((low + high) / ($4 - $2)))"
        slack=8192 && [ $what != descriptors ] || slack=4
        [ $((2 * high * ($3 - $2))) -le $((3 * low * ($4 - $3) + slack * ($3 - $2))) ] ||
            fail "$what: +$low from $2 to $3 $1s, +$high from there to $4"
    done
}

# expect_little_locked THING FULL, in kiB: payload is not locked, so disks and sessions add next to nothing.
expect_little_locked() {
    [ "${figure[$1,$2,VmLck]}" -le $((256 * 1024)) ] || fail "${figure[$1,$2,VmLck]} kiB locked with $2 $1s"
}

# So many numbers of one small device would do for the daemon, but each is to be a disk of its own.
map_disks() {
    local lun
    for ((lun = $1; lun < $2; ++lun)); do
        lio_disk "d$lun" 1M
        lio_map "d$lun" "$lun"
    done
}

expect_disks() {
    mapfile -t disk < <(disks)
    [ ${#disk[@]} -eq "$1" ] || fail "$1 disks expected, ${#disk[@]} there"
    [[ ${disk[$1 - 1]} == /dev/$driver* ]] || fail "not a disk of $driver: ${disk[$1 - 1]}"
}

# The first and the last work.
expect_io() {
    local node
    for node in "${disk[0]}" "${disk[-1]}"; do
        dd if=/dev/urandom of="$WORK/data" bs=64k count=1 status=none
        dd if="$WORK/data" of="$node" bs=64k oflag=direct status=none || fail "write of $node"
        cmp -s "$WORK/data" <(dd if="$node" bs=64k count=1 iflag=direct status=none) || fail "$node holds something else"
    done
}

# Small requests cost a disk what they move, not what the largest would: 128 slots of a page each.
expect_little_per_disk() {
    local before after
    before=$(resident_memory)
    fio --name=deep --filename="${disk[1]}" --direct=1 --ioengine=libaio --iodepth=128 --rw=randread --bs=4k \
        --number_ios=4000 --minimal >"$WORK/deep" || fail "reads of ${disk[1]}: $(cat "$WORK/deep")"
    after=$(resident_memory)
    echo "4 KiB reads at depth 128: RssAnon +$((after - before))"
    [ $((after - before)) -le 8192 ] || fail "4 KiB reads of a disk at depth 128 cost $((after - before)) kiB"
}

resident_memory() {
    awk '/^RssAnon/ { print $2 }' "/proc/$iscsid_pid/status"
}

memory_is_below() {
    [ "$(resident_memory)" -le "$1" ]
}

# What large requests have touched goes back to the kernel when the disk is idle, and what is written meanwhile
# stays what it is. The kernel copies a payload into a buffer before the daemon hears of it.
expect_memory_back() {
    local before touched
    before=$(resident_memory)
    fio --name=large --filename="${disk[1]}" --direct=1 --ioengine=libaio --iodepth=128 --rw=randread --bs=1M \
        --norandommap --io_size=256M --minimal >"$WORK/large" || fail "reads of ${disk[1]}: $(cat "$WORK/large")"
    touched=$(resident_memory)
    echo "1 MiB reads at depth 128: RssAnon +$((touched - before))"
    [ $((touched - before)) -ge 8192 ] || fail "1 MiB reads at depth 128 touched $((touched - before)) kiB only"
    wait_until 60 memory_is_below $((before + 4096)) ||
        fail "an idle disk keeps $(($(resident_memory) - before)) kiB"
    echo "idle after that: RssAnon +$(($(resident_memory) - before))"
    fio --name=pauses --filename="${disk[1]}" --direct=1 --ioengine=libaio --iodepth=8 --rw=write --bs=128k --size=1M \
        --loops=2 --thinktime=4s --thinktime_blocks=8 --do_verify=1 --verify=crc32c --minimal >"$WORK/pauses" ||
        fail "verified writes with pauses: $(cat "$WORK/pauses")"
}

many_disks() {
    local before=0 count
    for count in 1 $((most_disks / 2)) "$most_disks"; do
        map_disks $before "$count"
        log_in
        expect_disks "$count"
        measure disk "$count"
        [ "$count" -lt "$most_disks" ] || { expect_io && expect_little_per_disk && expect_memory_back; }
        log_out
        before=$count
    done
    expect_linear disk 1 $((most_disks / 2)) "$most_disks"
    expect_little_locked disk "$most_disks"
}

# Targets of one disk each; the disks are those of before.
many_sessions() {
    local number
    for ((number = 1; number <= most_sessions; ++number)); do
        TARGET_NAME=$first_name:$number
        start_lio
        lio_map "d$number" 0
    done
    expect_exit 0 iscsiadm -m node -o delete
    discover
    for ((number = 1; number <= most_sessions; ++number)); do
        expect_exit 0 iscsiadm -m node -T "$first_name:$number" -l
        [[ $number =~ ^(1|$((most_sessions / 2))|$most_sessions)$ ]] && measure session "$number"
    done
    expect_disks "$most_sessions"
    expect_io
    log_out
    expect_linear session 1 $((most_sessions / 2)) "$most_sessions"
    expect_little_locked session "$most_sessions"
}

start_lio
use_driver "$driver"
start_iscsid
measure disk 0
many_disks
lio_disable
many_sessions
measure session 0
