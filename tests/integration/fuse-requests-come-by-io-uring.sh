#!/usr/bin/env bash
# iscsid.disk.fuse_io_uring: where the kernel offers it, requests to disks of fuse come by io_uring, and the log
# says so. The target dies under I/O and returns, nothing is lost; a logout under load and a kill -9 leave nothing;
# where the kernel does not offer it, or it is not wanted, requests are read from /dev/fuse.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires fio flock
parameter=/sys/module/fuse/parameters/enable_uring
[ -w "$parameter" ] || skip "needs Linux 6.14 and $parameter"

# It is one for the whole machine: only one test at a time has it in its hands, and what is mounted stays as it was.
# offer Y|N, and as_before when the disks are there.
offer() {
    exec 9<"$parameter"
    flock 9
    before=$(cat "$parameter")
    at_end as_before
    echo "$1" >"$parameter"
}
as_before() {
    [ -z "${before:-}" ] || echo "$before" >"$parameter"
    before=''
    exec 9<&-
}

# begin WISH Y|N WORDS: a daemon that was told so, on a kernel that does so, says that.
begin() {
    cat "$(dirname "$0")/../../etc/iscsi/iscsid.conf" - >"$ISCSI_CONFIG_DIR/iscsid.conf" <<END
iscsid.disk.driver = fuse
iscsid.disk.fuse_io_uring = $1
iscsid.safe_logout = No
END
    : >"$WORK/iscsid.log"
    offer "$2"
    start_iscsid
    log_in
    as_before
    grep -q "disks: as configured: fuse, .*; $3" "$WORK/iscsid.log" || fail "the log does not say '$3'"
    ! grep -q 'read from /dev/fuse: io_uring is' "$WORK/iscsid.log" || fail "the kernel did not do so"
}

# load OPTION…: I/O until it fails, or is over.
load() { fio --name=load --filename="${disk[0]}" --direct=1 --ioengine=libaio --iodepth=16 --bs=4k "$@" --output="$WORK/fio" 2>>"$WORK/fio.err"; }
written() { awk '{ print $7 }' "/sys/block/${disk[0]#/dev/}/stat"; }
write_2000_more() {
    local from
    from=$(written)
    wait_until 30 eval "[ \$(written) -gt $((from + 2000)) ]" || fail "no writes"
}

start_target
add_target 1 "$TARGET_NAME" 64M
begin auto Y "requests come by io_uring"
load --rw=randwrite --verify=crc32c --verify_state_save=0 --verify_fatal=1 --size=48m --loops=6 &
writer=$!
for round in 1 2; do
    write_2000_more
    export TARGET_PORT=$PORT
    stop_target
    start_target
    add_target 1 "$TARGET_NAME" 64M || fail "round $round: target"
done
wait "$writer" || fail "fio: $(cat "$WORK/fio")"
verify_disk "${disk[0]}"

load --rw=randrw --time_based --runtime=60 &
writer=$!
write_2000_more
log_out
! wait "$writer" || fail "fio has not heard of the logout"
[ -z "$(leftovers)" ] || fail "left by the logout: $(leftovers)"
stop_iscsid || fail "iscsid ended with $?"

begin Yes Y "requests come by io_uring"
load --rw=randrw --time_based --runtime=60 &
writer=$!
write_2000_more
kill -9 "$iscsid_pid"
wait "$iscsid_pid" 2>/dev/null
iscsid_pid=''
! wait "$writer" || fail "fio has not heard of the end of the daemon"
wait_until 10 eval '[ -z "$(leftovers)" ]' || fail "left by the dead daemon: $(leftovers)"

begin auto N "requests are read from /dev/fuse: the parameter enable_uring of the module fuse is N"
verify_disk "${disk[0]}"
log_out
stop_iscsid || fail "iscsid ended with $?"
begin No Y "requests are read from /dev/fuse: as configured"
verify_disk "${disk[0]}"
log_out
