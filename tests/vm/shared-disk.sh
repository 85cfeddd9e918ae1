#!/usr/bin/env bash
# iscsid.disk.share_sessions: two sessions of one node are one ublk disk with a queue for each. Verified
# writes from both processors, with flushes, while connections are cut and the daemon is killed and
# restarted. While a session is away, also after a kill, its queue waits and the other one works. A logout
# of one session ends the disk, unless it is in use; the other gets one of its own. After a write that one
# session has lost the other one must not write, over a kill too, before the first is back; nor where the
# note of that is gone. A device whose note is damaged fails its I/O, and the sessions that are known go on
# with another one. With `killed` the daemon ends between the end of a disk and the reset that follows it.
# Usage: shared-disk.sh [KILLS [killed]]
here=$(dirname "$0")
. "$here/../support/functions.sh"
. "$here/lio.sh"
requires fio ss tc taskset
kills=${1:-3}
how=${2:-}

# write_until_told DISK: verified passes on each processor over its own places, until $WORK/enough is there.
write_until_told() {
    local pass=0
    while [ ! -e "$WORK/enough" ]; do
        pass=$((pass + 1))
        fio --output="$WORK/fio" --filename="$1" --direct=1 --ioengine=libaio --iodepth=4 --rw=randwrite \
            --bs=4k --size=2m --fsync=32 --randrepeat=0 --verify=crc32c --verify_fatal=1 \
            --verify_state_save=0 --name=on-0 --cpus_allowed=0 --name=on-1 --offset=16m --cpus_allowed=1 \
            --verify_backlog=64 || return 1
        [ "$(grep -c 'err= 0' "$WORK/fio")" -eq 2 ] || return 1
        echo $pass >"$WORK/passes"
    done
}

start_fio() {
    rm -f "$WORK/enough"
    write_until_told "$1" &
    fio_pid=$!
}

end_fio() {
    touch "$WORK/enough"
    wait "$fio_pid" || fail "fio: $(cat "$WORK/fio")"
    echo "$(cut -d ' ' -f 1 /proc/uptime) s: $(cat "$WORK/passes") passes of fio $1"
}

fio_runs() { kill -0 "$fio_pid" 2>/dev/null || fail "fio ended: $(cat "$WORK/fio")"; }

completed() {
    local -a stat
    read -r -a stat <"/sys/block/$node/stat"
    echo $((stat[0] + stat[4]))
}

has_moved() { [ "$(completed)" -gt "$1" ]; }

expect_progress() {
    local before
    before=$(completed)
    wait_until 60 has_moved $((before + 40)) || { fio_runs; fail "no I/O $1"; }
    fio_runs
}

# node_of SID: the name of the session's disk; "" when it has none.
node_of() {
    iscsiadm -m session -r "$1" -P 3 2>/dev/null |
        sed -n 's|.*Attached scsi disk \([^ \t]*\).*|\1|p'
}

both_have() { [ "$(node_of "$1")" = "$3" ] && [ "$(node_of "$2")" = "$3" ]; }

# One disk, and as many queues as sessions.
expect_one_disk() {
    local queues
    [ "$(ls -d /sys/block/ublkb* | wc -l)" -eq 1 ] || fail "not one disk: $(ls -d /sys/block/ublkb*)"
    queues=$(find "/sys/block/$node/mq" -mindepth 1 -maxdepth 1 -type d | wc -l)
    [ "$queues" -eq "$1" ] || fail "$queues queues of $node"
    both_have "${@:2}" "$node" || fail "not a disk of both: '$(node_of "$2")' '$(node_of "$3")'"
}

# The local port of each session's connection, the first session's first.
ports() { ss -Htnp state established "dport = :$PORT" | grep iscsid | awk '{ print $3 }' | sed 's/.*://' | sort -n; }

operational() { grep -c 'is operational' "$WORK/iscsid.log"; }
came_back() { [ "$(operational)" -gt "$1" ]; }

# cut WHICH: that connection ends; the session is back soon.
cut_connection() {
    local before port
    before=$(operational)
    port=$(ports | sed -n "$1p")
    ss -K sport = ":$port" "dport = :$PORT" >/dev/null || fail "ss -K"
    wait_until 30 came_back "$before" || fail "the session of port $port is not back"
    expect_progress "after connection $1 was cut"
}

kill_daemon() {
    kill -9 "$iscsid_pid"
    wait "$iscsid_pid" 2>/dev/null
    iscsid_pid=''
    sleep "0.$((RANDOM % 10))"
    start_iscsid
    wait_until 60 both_have 1 2 "$node" || fail "not taken over: $(cat "$WORK/iscsid.log")"
    expect_progress "after a kill"
}

# cpu_of QUEUE: a processor whose requests go there.
cpu_of() { sed 's/[^0-9].*//' "/sys/block/$node/mq/$1/cpu_list"; }

# read_on QUEUE: begins a read that goes there; has_read tells of its end.
read_on() {
    rm -f "$WORK/read-$1"
    (taskset -c "$(cpu_of "$1")" dd if="/dev/$node" of=/dev/null bs=4k count=1 iflag=direct status=none
        echo $? >"$WORK/read-$1") &
}
has_read() { [ "$(cat "$WORK/read-$1" 2>/dev/null)" = 0 ]; }

# expect_only QUEUE: that one works, the other one waits. Its read is still under way afterwards.
expect_only() {
    local other=$((1 - $1))
    read_on $other
    read_on "$1"
    wait_until 20 has_read "$1" || fail "no read on queue $1"
    for _ in 1 2 3; do
        read_on "$1"
        wait_until 20 has_read "$1" || fail "no further read on queue $1"
    done
    [ ! -e "$WORK/read-$other" ] || fail "queue $other works without its session"
}

# Nothing of one session's connection arrives, until it makes another one: not before what is looked at here is
# over, also in a slow guest (noop_out_timeout). Ports do not tell whose connection it is, the queue that works does.
silence_connection() {
    local port works
    port=$(ports | sed -n 2p)
    modprobe -a sch_ingress cls_u32 act_gact
    tc qdisc add dev lo clsact &&
        tc filter add dev lo egress protocol ip prio 1 u32 match ip sport "$port" 0xffff action drop ||
        fail "no filter"
    read_on 0
    read_on 1
    one_has_read() { has_read 0 || has_read 1; }
    wait_until 20 one_has_read || fail "no read on any queue"
    works=0
    ! has_read 1 || works=1
    expect_only $works
    wait_until 60 has_read $((1 - works)) || fail "the read on queue $((1 - works)) does not end"
    tc qdisc del dev lo clsact
}

# The next daemon finds the second session at a portal that is not there yet.
kill_with_session_away() {
    kill -9 "$iscsid_pid"
    wait "$iscsid_pid" 2>/dev/null
    iscsid_pid=''
    sed -i 's/127\.0\.0\.1/127.0.0.2/g' "$ISCSID_RUNTIME_DIR/state/2-lun-0.json"
    start_iscsid
    wait_until 60 both_have 1 2 "$node" || fail "not taken over: $(cat "$WORK/iscsid.log")"
    expect_only 0
    mkdir "$LIO/iscsi/$TARGET_NAME/tpgt_1/np/127.0.0.2:$PORT" || fail "no second portal"
    wait_until 60 has_read 1 || fail "the read on queue 1 does not end"
}

# write_on QUEUE: begins a write that goes there, where no file system has anything; ended_with QUEUE STATUS
# tells of its end.
write_on() {
    rm -f "$WORK/write-$1"
    (tr '\0' "$1" </dev/zero | taskset -c "$(cpu_of "$1")" dd of="/dev/$node" bs=4k count=1 seek=$((16000 + $1)) \
        iflag=fullblock oflag=direct conv=notrunc status=none 2>/dev/null
        echo $? >"$WORK/write-$1") &
}
ended_with() { [ "$(cat "$WORK/write-$1" 2>/dev/null)" = "$2" ]; }
has_ended() { [ -s "$WORK/write-$1" ]; }

# expect_write QUEUE STATUS: how a write there ends.
expect_write() {
    write_on "$1"
    wait_until 20 has_ended "$1" || fail "the write on queue $1 does not end"
    ended_with "$1" "$2" || fail "a write on queue $1 ends with $(cat "$WORK/write-$1"): $(cat "$WORK/iscsid.log")"
}
can_write() {
    write_on "$1"
    wait_until 20 has_ended "$1" && ended_with "$1" 0
}
# Read by the other session.
target_has_written() {
    [ "$(taskset -c "$(cpu_of 0)" dd if="/dev/$node" bs=4k count=1 skip=16001 iflag=direct status=none |
        head -c 1 | tr -d '\0')" = 1 ]
}

# The target does a write of the second session, which is at a portal of its own, and nobody hears of it: the
# other one may not write what could be in its place. Nothing comes from that portal afterwards.
lose_a_write() {
    local port
    port=$(ss -Htn state established "dst 127.0.0.2:$PORT" | awk '{ print $3 }' | sed 's/.*://')
    tc qdisc add dev lo clsact &&
        tc filter add dev lo egress protocol ip prio 1 u32 match ip src 127.0.0.2/32 action drop ||
        fail "no filter"
    write_on 1
    wait_until 20 target_has_written || fail "the write on queue 1 is not done"
    ! has_ended 1 || fail "the write on queue 1 has an answer"
    ss -K sport = ":$port" "dport = :$PORT" >/dev/null || fail "ss -K"
    wait_until 20 iscsiadm -m session -r 2 --fail-io || fail "--fail-io"
    wait_until 20 ended_with 1 1 || fail "the write on queue 1 does not fail"
    expect_write 0 1
    grep -q 'a write of another session of the disk may still be running' "$WORK/iscsid.log" ||
        fail "not told: $(cat "$WORK/iscsid.log")"
    wait_until 10 grep -q "session 2 .*($node): a write of this session may still run at the target" "$WORK/iscsid.log" ||
        fail "not told: $(cat "$WORK/iscsid.log")"
}

# Not before the first one is back, whoever is the daemon by then.
expect_fence() {
    lose_a_write
    kill -9 "$iscsid_pid"
    wait "$iscsid_pid" 2>/dev/null
    iscsid_pid=''
    start_iscsid
    wait_until 60 both_have 1 2 "$node" || fail "not taken over: $(cat "$WORK/iscsid.log")"
    read_on 0
    wait_until 20 has_read 0 || fail "no read on queue 0"
    expect_write 0 1
    tc qdisc del dev lo clsact
    wait_until 60 can_write 0 || fail "no write on queue 0 when session 2 is back: $(cat "$WORK/iscsid.log")"
    wait_until 10 grep -q "session 2 .*($node): no write of this session runs at the target any more" "$WORK/iscsid.log" ||
        fail "not told: $(cat "$WORK/iscsid.log")"
    expect_write 1 0
}

# The same when the note of lost writes is gone: each session is taken to have left one, so the first may not
# write before the second one, which is away, is back.
lose_fence_note() {
    tc qdisc add dev lo clsact &&
        tc filter add dev lo egress protocol ip prio 1 u32 match ip src 127.0.0.2/32 action drop ||
        fail "no filter"
    kill -9 "$iscsid_pid"
    wait "$iscsid_pid" 2>/dev/null
    iscsid_pid=''
    rm "$ISCSID_RUNTIME_DIR"/fences/* || fail "no note"
    start_iscsid
    wait_until 60 both_have 1 2 "$node" || fail "not taken over: $(cat "$WORK/iscsid.log")"
    grep -q "$node: which sessions of it may have left a write.*fences/.*: missing" "$WORK/iscsid.log" ||
        fail "not told: $(cat "$WORK/iscsid.log")"
    read_on 0
    wait_until 20 has_read 0 || fail "no read on queue 0"
    expect_write 0 1
    tc qdisc del dev lo clsact
    wait_until 60 can_write 0 || fail "no write on queue 0 when session 2 is back: $(cat "$WORK/iscsid.log")"
    expect_write 1 0
}

# The daemon is killed before the target has answered the reset that the end of the disk has ordered: the next
# one owes it.
end_with_daemon_killed() {
    tc filter add dev lo egress protocol ip prio 1 u32 match ip dport "$PORT" 0xffff action drop || fail "no filter"
    iscsiadm -m session -r 2 -u
    is_noted() { [ -n "$(ls "$ISCSID_RUNTIME_DIR/unsettled" 2>/dev/null)" ]; }
    wait_until 30 is_noted || fail "not noted: $(cat "$WORK/iscsid.log")"
    kill -9 "$iscsid_pid"
    wait "$iscsid_pid" 2>/dev/null
    iscsid_pid=''
    [ "$(resets)" -eq "$resets_before" ] || fail "a reset has reached the target"
    is_noted || fail "the note is gone"
    : >"$WORK/iscsid.log"
    tc filter del dev lo egress
    start_iscsid
    iscsiadm -m session >/dev/null 2>&1 || log_in
    is_settled() { ! is_noted; }
    wait_until 60 is_settled || fail "no reset: $(cat "$WORK/iscsid.log")"
}

# damage_note SID OTHER: nobody can serve the queue of SID then.
damage_note() {
    local old=$node
    kill -9 "$iscsid_pid"
    wait "$iscsid_pid" 2>/dev/null
    iscsid_pid=''
    : >"$ISCSID_RUNTIME_DIR/state/$1-lun-0.json"
    write_on 0
    start_iscsid
    wait_until 60 has_ended 0 || fail "a write waits for ever: $(cat "$WORK/iscsid.log")"
    ended_with 0 1 || fail "a write to $old has not failed"
    wait_until 60 grep -q "$old cannot be taken over, a new device is made" "$WORK/iscsid.log" ||
        fail "not told: $(cat "$WORK/iscsid.log")"
    has_disk() { node=$(node_of "$1") && [ -b "/dev/$node" ]; }
    wait_until 60 has_disk "$2" || fail "session $2 has no disk: $(cat "$WORK/iscsid.log")"
    grep -q "log in again.*$1-lun-0.json" "$WORK/iscsid.log" || fail "not told: $(cat "$WORK/iscsid.log")"
    expect_one_disk 1 "$2" "$2"
    expect_write 0 0
}

dmesg --clear # what others had in this guest
start_lio
lio_disk d0 64M
lio_map d0 0
use_driver ublk
cat >>"$ISCSI_CONFIG_DIR/iscsid.conf" <<END
iscsid.disk.share_sessions = Yes
node.session.nr_sessions = 2
node.conn[0].timeo.noop_out_timeout = 15
END
start_iscsid
log_in
node=${disk[0]#/dev/}
[[ $node == ublkb* ]] || fail "no disk of ublk: $node: $(cat "$WORK/iscsid.log")"
expect_one_disk 2 1 2
iscsiadm -m session -P 3 --json >"$WORK/json" 2>/dev/null
[ "$(grep -o "\"$node\"" "$WORK/json" | wc -l)" -ge 2 ] || fail "not in JSON: $(cat "$WORK/json")"

start_fio "${disk[0]}"
at_end 'touch "$WORK/enough"; kill $fio_pid 2>/dev/null; wait $fio_pid 2>/dev/null'
expect_progress "at first"
for which in 1 2 1; do cut_connection $which; done
end_fio "over cut connections"

start_fio "${disk[0]}"
for ((number = 1; number <= kills; ++number)); do kill_daemon; done
expect_one_disk 2 1 2
end_fio "over $kills kills"
silence_connection
kill_with_session_away
! dmesg | grep -E 'I/O error|Buffer I/O' || fail "I/O errors"
expect_fence
lose_fence_note

# In use: refused, and nothing changes.
mkfs.ext4 -q "${disk[0]}" && mkdir -p "$WORK/mnt" && mount "${disk[0]}" "$WORK/mnt" || fail "no filesystem"
at_end 'umount "$WORK/mnt" 2>/dev/null'
expect_exit 28 iscsiadm -m session -r 2 -u
expect_one_disk 2 1 2
umount "$WORK/mnt"

resets() { cat /sys/kernel/config/target/core/*/*/statistics/scsi_lu/resets | paste -sd+ | bc; }

# The first session that is logged out ends the disk; the other one gets its own. The first is not back, so
# that the unit is reset before anything goes there.
lose_a_write
resets_before=$(resets)
if [ "$how" = killed ]; then end_with_daemon_killed; else iscsiadm -m session -r 2 -u; fi
has_own_disk() { [ -n "$(node_of 1)" ] && [ -b "/dev/$(node_of 1)" ]; }
wait_until 30 has_own_disk || fail "session 1 has no disk: $(cat "$WORK/iscsid.log")"
node=$(node_of 1)
[ "$how" = killed ] || expect_one_disk 1 1 1
grep -q 'nothing goes to the unit before a reset of it is answered' "$WORK/iscsid.log" ||
    fail "not told: $(cat "$WORK/iscsid.log")"
[ "$(resets)" -gt "$resets_before" ] || fail "no reset: $(cat "$WORK/iscsid.log")"
expect_write 0 0
tc qdisc del dev lo clsact
mount "/dev/$node" "$WORK/mnt" || fail "the filesystem is not on /dev/$node"
umount "$WORK/mnt"
log_out
[ -z "$(ls "$ISCSID_RUNTIME_DIR/state")" ] || fail "state is left: $(ls "$ISCSID_RUNTIME_DIR/state")"
! ls -d /sys/block/ublkb* 2>/dev/null || fail "a disk is left"

# Both together.
rmdir "$LIO/iscsi/$TARGET_NAME/tpgt_1/np/127.0.0.2:$PORT"
log_in
node=${disk[0]#/dev/}
sessions=$(iscsiadm -m session | sed 's/.*\[\([0-9]*\)\].*/\1/' | xargs)
# shellcheck disable=SC2086
expect_one_disk 2 $sessions
# shellcheck disable=SC2086
damage_note $sessions
rm -f "$ISCSID_RUNTIME_DIR/state/${sessions% *}-lun-0.json"
log_out
! ls -d /sys/block/ublkb* 2>/dev/null || fail "a disk is left"
