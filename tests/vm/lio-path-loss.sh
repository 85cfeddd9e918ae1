#!/usr/bin/env bash
# The target is away for less than replacement_timeout, again and again, under verified writes: all
# packets are dropped, or LIO throws everybody out. No I/O error, no miscompare, no lost write.
# Usage: lio-path-loss.sh ublk|nbd
here=$(dirname "$0")
. "$here/../support/functions.sh"
. "$here/lio.sh"
driver=${1:-ublk}
replacement_timeout=60

lo_down() { ip link set lo down || fail "lo down"; }
lo_up() { ip link set lo up || fail "lo up"; }

# write_until_told DISK: verified passes, each over other bytes than the last, until $WORK/enough is there.
write_until_told() {
    local pass=0
    while [ ! -e "$WORK/enough" ]; do
        pass=$((pass + 1))
        fio --name=verify --filename="$1" --direct=1 --ioengine=libaio --iodepth=16 --rw=randwrite \
            --bsrange=4k-64k --size=16m --offset=$((pass % 3 * 16))m --fsync=64 --randseed=$pass \
            --verify=crc32c --verify_fatal=1 --verify_state_save=0 --output="$WORK/fio" || return 1
        grep -q 'err= 0' "$WORK/fio" || return 1
        echo $pass >"$WORK/passes"
    done
}

# Reads and writes that were completed, and those under way.
completed() { awk '{ print $1 + $5 }' "/sys/block/$node/stat"; }
under_way() { awk '{ print $1 + $2 }' "/sys/block/$node/inflight"; }
# Reads or writes wait; or a flush does, which is not counted as under way: then nothing ends any more.
ended() { awk '{ print $1 + $5 + $16 }' "/sys/block/$node/stat"; }
io_waits() {
    local before
    [ "$(under_way)" -eq 0 ] || return 0
    before=$(ended)
    sleep 0.5
    [ "$(ended)" -eq "$before" ]
}
has_moved() { [ "$(completed)" -gt "$1" ]; }
operational() { grep -c 'is operational' "$WORK/iscsid.log"; }

fio_runs() { kill -0 "$fio_pid" 2>/dev/null || fail "fio ended: $(cat "$WORK/fio")"; }

# lose HOW SECONDS BACK: the path goes in the middle of I/O, which waits and then goes on.
lose() {
    local away=$1 seconds=$2 back=$3 before
    before=$(completed)
    wait_until 60 has_moved $((before + 20)) || { fio_runs; fail "no I/O before $away"; }
    "$away"
    wait_until 10 io_waits || fail "$away: no I/O waits"
    sleep 0.5 # what was on its way when the path went
    before=$(completed)
    sleep "$seconds"
    [ "$(completed)" -eq "$before" ] || fail "$away: I/O went on"
    fio_runs
    "$back"
    wait_until 40 has_moved $((before + 20)) || { fio_runs; fail "$back: I/O does not go on"; }
    echo "$(cut -d ' ' -f 1 /proc/uptime) s: $away for $seconds s, operational $(operational) times"
}

start_lio
lio_disk d0 64M
lio_map d0 0
use_driver "$driver"
cat >>"$ISCSI_CONFIG_DIR/iscsid.conf" <<END
node.session.timeo.replacement_timeout = $replacement_timeout
node.conn[0].timeo.noop_out_interval = 1
node.conn[0].timeo.noop_out_timeout = 2
node.conn[0].timeo.login_timeout = 3
END
start_iscsid
log_in
node=${disk[0]#/dev/}
[[ $node == $driver* ]] || fail "not a disk of $driver: $node"
write_until_told "${disk[0]}" &
fio_pid=$!
at_end 'touch "$WORK/enough"; lo_up; kill $fio_pid 2>/dev/null; wait $fio_pid 2>/dev/null'
lose lo_down 1 lo_up
lose lio_disable 2 lio_enable
lose lo_down 6 lo_up
lose lio_disable 4 lio_enable
lose lo_down 5 lo_up
touch "$WORK/enough"
wait "$fio_pid" || fail "fio: $(cat "$WORK/fio")"
[ "$(operational)" -ge 5 ] || fail "the session was not lost four times: $(operational)"
! grep -Ei "I/O error|Buffer I/O" <(dmesg) || fail "the kernel saw I/O errors"
echo "$(cat "$WORK/passes") passes of fio"
log_out
