#!/usr/bin/env bash
# kill -9 of iscsid at random moments, and restarts for upgrades between them, under verified I/O: no
# I/O error, no miscompare, and the disks keep their names. Usage: killed-daemon.sh ublk|nbd [KILLS]
. tests/support/functions.sh
. tests/vm/lio.sh

driver=${1:?ublk or nbd} kills=${2:-20}
long_outage=8 # seconds; nbd's requests time out after 5
declare -A before

# write_until_told DISK: verified passes over the same places until $WORK/enough is there. The first job
# reads all back at its end, the second between its writes. Blocks of one size in another order each
# time: so fio also knows a block that is older than it should be, by its number.
write_until_told() {
    local log=$WORK/fio-${1##*/} pass=0
    while [ ! -e "$WORK/enough" ]; do
        pass=$((pass + 1))
        fio --output="$log" --filename="$1" --direct=1 --ioengine=libaio --iodepth=4 --rw=randwrite \
            --bs=4k --size=2m --fsync=64 --randrepeat=0 --verify=crc32c --verify_fatal=1 \
            --verify_state_save=0 --name=after --name=between --offset=16m --verify_backlog=64 || return 1
        # As much was read as was written.
        [ "$(grep -c 'err= 0' "$log")" -eq 2 ] &&
            [ "$(grep -c 'issued rwts: total=512,512,' "$log")" -eq 2 ] || return 1
        echo $pass >"$WORK/passes-${1##*/}"
    done
}

# Reads and writes that were completed.
completed() {
    local -a stat
    read -r -a stat <"/sys/block/${1##*/}/stat"
    echo $((stat[0] + stat[4]))
}

has_moved() { [ "$(completed "$1")" -gt "$2" ]; }

all_are_under_way() {
    local each reads writes
    for each in "${disk[@]}"; do
        read -r reads writes <"/sys/block/${each##*/}/inflight"
        [ $((reads + writes)) -gt 0 ] || return 1
    done
}

fio_runs() {
    local pid
    for pid in "${fios[@]}"; do
        kill -0 "$pid" 2>/dev/null || fail "fio ended before $1: $(cat "$WORK"/fio-*)"
    done
}

# Under their names, with a session that is well: one question, for a process takes its time here.
all_are_back() {
    iscsiadm -m session -P 3 >"$WORK/sessions" 2>/dev/null &&
        [ "$(sed -n 's|.*Attached scsi disk \([^ \t]*\).*|/dev/\1|p' "$WORK/sessions" | xargs)" = "$names" ] &&
        grep -q 'Internal iscsid Session State: NO CHANGE' "$WORK/sessions"
}

kill_daemon() {
    kill -9 "$iscsid_pid"
    wait "$iscsid_pid" 2>/dev/null
}

# As for an upgrade.
restart_daemon() {
    kill "$iscsid_pid"
    wait "$iscsid_pid" || fail "iscsid ended with $? when it was to hand over"
}

# disturb NAME HOW SECONDS: a daemon ends under I/O, and with the next one the I/O of each disk goes on.
disturb() {
    local each
    sleep "0.$((RANDOM % 10))"
    wait_until 20 all_are_under_way || fail "no I/O before $1"
    fio_runs "$1"
    "$2"
    iscsid_pid=''
    for each in "${disk[@]}"; do before[$each]=$(completed "$each"); done
    sleep "$3"
    start_iscsid
    wait_until 60 all_are_back || fail "$1: the disks were $names, and now: $(cat "$WORK/sessions")"
    for each in "${disk[@]}"; do
        wait_until 60 has_moved "$each" $((before[$each] + 20)) || fail "$1: no I/O of $each since"
    done
    fio_runs "the end of $1"
    echo "$(cut -d ' ' -f 1 /proc/uptime) s: $1: back"
}

disturb_all() {
    local number away
    for number in $(seq "$kills"); do
        away=0.$((RANDOM % 10))
        [ "$number" -ne $(((kills + 1) / 2)) ] || away=$long_outage
        disturb "kill $number" kill_daemon $away
        [ $((number % 6)) -eq 0 ] || continue
        restarts=$((restarts + 1))
        disturb "restart $restarts" restart_daemon 0.$((RANDOM % 10))
    done
}

start_lio
lio_disk d0 64M
lio_map d0 0
lio_disk d1 64M block_size=4096
lio_map d1 1
use_driver "$driver"
start_iscsid
log_in
names=${disk[*]} restarts=0
[[ ${#disk[@]} -eq 2 && $names == /dev/$driver* ]] || fail "two disks of $driver expected: $names"
at_end 'touch "$WORK/enough"'
for each in "${disk[@]}"; do
    write_until_told "$each" &
    fios+=($!)
done
disturb_all
touch "$WORK/enough"
for pid in "${fios[@]}"; do
    wait "$pid" || fail "fio: $(cat "$WORK"/fio-*)"
done
! dmesg | grep -E 'I/O error|Buffer I/O' || fail "I/O errors"
log_out
[ -z "$(ls "$ISCSID_RUNTIME_DIR/state")" ] || fail "state is left: $(ls "$ISCSID_RUNTIME_DIR/state")"
for each in "${disk[@]}"; do
    [ ! -e "$each" ] || fail "$each is still there"
done
echo "killed $kills times and restarted $restarts times: no error in $(cat "$WORK"/passes-* | xargs) passes of fio"
