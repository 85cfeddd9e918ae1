# shellcheck shell=bash
# For the demo and the tests that run the real programs: targets, a daemon of our own, expectations,
# and a clean end. Sourced; the caller sets BUILD to the build folder.
#
# Everything lives in one temporary folder; only processes started here are ended, by pid.

WORK=$(mktemp -d /tmp/iscsi-userland.XXXXXX)
export ISCSI_CONFIG_DIR=$WORK/etc ISCSI_DATABASE_DIR=$WORK/db ISCSID_RUNTIME_DIR=$WORK/run
export ISCSID_SOCKET=$WORK/run/iscsid.sock TGT_IPC_SOCKET=$WORK/tgtd.sock
export PATH=$BUILD/iscsid:$BUILD/iscsiadm:$PATH
mkdir -p "$ISCSI_CONFIG_DIR" "$ISCSI_DATABASE_DIR" "$ISCSID_RUNTIME_DIR"
# shellcheck disable=SC2034 # for the scripts that source this file
TARGET_NAME=iqn.2026-11.org.example:disks
INITIATOR_NAME=iqn.2026-11.org.example:initiator
SECRET=secret-of-alice TARGET_SECRET=secret-of-disk
iscsid_pid='' tgtd_pid='' cleanups=()

skip() {
    echo "skipped: $*"
    exit 77
}

fail() {
    echo "FAILED: $*" >&2
    [ ! -s "$WORK/iscsid.log" ] || { echo "--- iscsid log" >&2; tail -n 40 "$WORK/iscsid.log" >&2; }
    exit 1
}

requires() {
    local name
    for name in "$@"; do
        command -v "$name" >/dev/null || skip "needs $name"
    done
}

requires_root() { [ "$(id -u)" -eq 0 ] || skip "needs root"; }

requires_loop_disks() {
    requires_root
    [ -c /dev/fuse ] && [ -c /dev/loop-control ] || skip "needs /dev/fuse and /dev/loop-control"
}

# wait_until SECONDS COMMAND…: true as soon as the command is.
wait_until() {
    local tries=$(($1 * 20))
    shift
    while [ $tries -gt 0 ]; do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.05
        tries=$((tries - 1))
    done
    return 1
}

free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 30000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

# start_target: an empty tgtd on $PORTAL (127.0.0.1:PORT).
start_target() {
    requires tgtd tgtadm
    for _ in 1 2 3 4 5; do
        PORT=${TARGET_PORT:-$(free_port)}
        PORTAL=127.0.0.1:$PORT
        tgtd -f --iscsi portal="$PORTAL" >>"$WORK/tgtd.log" 2>&1 &
        tgtd_pid=$!
        wait_until 5 tgtadm --lld iscsi --op show --mode sys &&
            (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null && return 0
        stop_target
    done
    fail "tgtd does not start: $(tail -n 3 "$WORK/tgtd.log")"
}

stop_target() {
    [ -n "$tgtd_pid" ] || return 0
    kill -9 "$tgtd_pid" 2>/dev/null
    wait "$tgtd_pid" 2>/dev/null
    tgtd_pid=''
    rm -f "$TGT_IPC_SOCKET".*
}

# add_target NUMBER NAME SIZE…: a target with one LUN (1, 2, …) per size.
add_target() {
    local tid=$1 name=$2 lun=0 size
    shift 2
    tgtadm --lld iscsi --op new --mode target --tid "$tid" -T "$name" || return 1
    for size in "$@"; do
        lun=$((lun + 1))
        [ -e "$WORK/lun-$tid-$lun" ] || truncate -s "$size" "$WORK/lun-$tid-$lun"
        tgtadm --lld iscsi --op new --mode logicalunit --tid "$tid" --lun $lun \
            -b "$WORK/lun-$tid-$lun" || return 1
    done
    tgtadm --lld iscsi --op bind --mode target --tid "$tid" -I ALL
}

# require_digests: the first target of tgtd then insists on CRC32C in both places.
require_digests() {
    local digest
    for digest in HeaderDigest DataDigest; do
        tgtadm --lld iscsi --op update --mode target --tid 1 --name $digest --value CRC32C ||
            fail "tgtadm $digest"
    done
}

# start_istgt [AUTH-METHOD]: istgt on $PORTAL with target $TARGET_NAME, LUN 0 of 64 MiB. CHAP users:
# alice / $SECRET, and the target proves itself as disk / $TARGET_SECRET.
start_istgt() {
    requires istgt
    PORT=$(free_port)
    PORTAL=127.0.0.1:$PORT
    truncate -s 64M "$WORK/istgt-lun"
    cat >"$WORK/istgt-auth.conf" <<END
[AuthGroup1]
  Auth "alice" "$SECRET" "disk" "$TARGET_SECRET"
END
    cat >"$WORK/istgt.conf" <<END
[Global]
  NodeBase "${TARGET_NAME%:*}"
  PidFile $WORK/istgt.pid
  AuthFile $WORK/istgt-auth.conf
  MediaDirectory $WORK
  Timeout 30
  NopInInterval 20
  DiscoveryAuthMethod ${1:-None}
  DiscoveryAuthGroup AuthGroup1
  MaxSessions 16
  MaxConnections 4
  FirstBurstLength 262144
  MaxBurstLength 1048576
  MaxRecvDataSegmentLength 262144
  InitialR2T ${ISTGT_INITIAL_R2T:-Yes}
  ImmediateData ${ISTGT_IMMEDIATE_DATA:-Yes}
[UnitControl]
  AuthMethod None
  Portal UC1 127.0.0.1:$(free_port)
  Netmask 127.0.0.1
[PortalGroup1]
  Portal DA1 $PORTAL
[InitiatorGroup1]
  InitiatorName "ALL"
  Netmask 127.0.0.0/8
[LogicalUnit1]
  TargetName ${TARGET_NAME##*:}
  Mapping PortalGroup1 InitiatorGroup1
  AuthMethod ${1:-None}
  AuthGroup AuthGroup1
  UseDigest Auto
  UnitType Disk
  LUN0 Storage $WORK/istgt-lun 64MB
END
    istgt -D -p "$WORK/istgt.pid" -c "$WORK/istgt.conf" >"$WORK/istgt.log" 2>&1 &
    local pid=$!
    at_end "kill -9 $pid 2>/dev/null; wait $pid 2>/dev/null"
    wait_until 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$PORT" ||
        fail "istgt does not start: $(tail -n 5 "$WORK/istgt.log")"
}

# start_test_target [OPTION…]: the target in memory on $PORTAL, with faults as options say. Stopped
# by stop_test_target, which fails when an initiator has broken a rule.
start_test_target() {
    "$BUILD/tests/support/test-target" --port-file "$WORK/test-port" --name "$TARGET_NAME" \
        --control "$WORK/test-control" "$@" \
        2>"$WORK/test-target.log" &
    test_target_pid=$!
    at_end "kill -CONT $test_target_pid 2>/dev/null; kill $test_target_pid 2>/dev/null"
    wait_until 10 test -s "$WORK/test-port" || fail "test-target: $(cat "$WORK/test-target.log")"
    PORT=$(cat "$WORK/test-port")
    PORTAL=127.0.0.1:$PORT
    rm -f "$WORK/test-port"
}

# tell_target LINE: changes it while it runs (tests/support/target_control.hpp); prints its answer.
tell_target() { "$BUILD/tests/support/test-target" --tell "$WORK/test-control" "$1"; }

stop_test_target() {
    kill "$test_target_pid"
    wait "$test_target_pid" || fail "rules were broken: $(cat "$WORK/test-target.log")"
}

# start_proxy [OPTION…]: chaos-proxy in front of $PORTAL; $PROXY_PORT is where it listens.
start_proxy() {
    "$BUILD/tests/support/chaos-proxy" --to "$PORT" --port-file "$WORK/proxy-port" "$@" \
        >"$WORK/proxy.log" 2>&1 &
    local pid=$!
    at_end "kill $pid 2>/dev/null; wait $pid 2>/dev/null"
    wait_until 10 test -s "$WORK/proxy-port" || fail "chaos-proxy does not start"
    export PROXY_PORT
    PROXY_PORT=$(cat "$WORK/proxy-port")
}

# verify_disk DISK: a filesystem, files, and a short fio run with CRC32C verification.
verify_disk() {
    mkdir -p "$WORK/mnt"
    mkfs.ext4 -q "$1" && mount "$1" "$WORK/mnt" || fail "mkfs and mount of $1"
    at_end "mountpoint -q $WORK/mnt && umount $WORK/mnt"
    cp -r "$(dirname "${BASH_SOURCE[0]}")/../../libiscsi" "$WORK/mnt/files" && sync -f "$WORK/mnt"
    umount "$WORK/mnt" && mount "$1" "$WORK/mnt" || fail "umount and mount"
    diff -r "$(dirname "${BASH_SOURCE[0]}")/../../libiscsi" "$WORK/mnt/files" || fail "files differ"
    umount "$WORK/mnt" || fail "umount"
    fio --name=verify --filename="$1" --direct=1 --ioengine=libaio --iodepth=16 --rw=randwrite \
        --bsrange=4k-256k --size=32m --verify=crc32c --verify_state_save=0 --verify_fatal=1 \
        --output="$WORK/fio" || fail "fio: $(cat "$WORK/fio")"
}

# start_iscsid [OPTION…]: our daemon in the foreground, in the background of this shell.
start_iscsid() {
    [ -e "$ISCSI_CONFIG_DIR/initiatorname.iscsi" ] ||
        echo "InitiatorName=$INITIATOR_NAME" >"$ISCSI_CONFIG_DIR/initiatorname.iscsi"
    [ -e "$ISCSI_CONFIG_DIR/iscsid.conf" ] ||
        cp "$(dirname "${BASH_SOURCE[0]}")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/"
    iscsid -f -n "$@" >>"$WORK/iscsid.log" 2>&1 &
    iscsid_pid=$!
    wait_until 10 daemon_answers || fail "iscsid does not start"
}

# Without a daemon there is no session (21), or it is missed (20); -d says which.
daemon_answers() {
    local status=0
    iscsiadm -d 1 -m session 2>"$WORK/answers" || status=$?
    [ $status -ne 20 ] && ! grep -q "iscsid is not running" "$WORK/answers"
}

stop_iscsid() {
    [ -n "$iscsid_pid" ] || return 0
    kill "$iscsid_pid" 2>/dev/null
    wait_until 30 eval "! kill -0 $iscsid_pid" || { kill -9 "$iscsid_pid"; echo "iscsid had to be killed" >&2; }
    wait "$iscsid_pid" 2>/dev/null
    local status=$?
    iscsid_pid=''
    return $status
}

# expect_exit CODE COMMAND…: its output is kept in $WORK/out and $WORK/err.
expect_exit() {
    local expected=$1 got=0
    shift
    "$@" >"$WORK/out" 2>"$WORK/err" || got=$?
    [ "$got" -eq "$expected" ] ||
        fail "$* ended with $got, expected $expected: $(cat "$WORK/out" "$WORK/err")"
}

expect_out() { grep -qF -- "$1" "$WORK/out" || fail "stdout lacks '$1': $(cat "$WORK/out")"; }
expect_err() { grep -qF -- "$1" "$WORK/err" || fail "stderr lacks '$1': $(cat "$WORK/err")"; }
expect_no_err() { [ ! -s "$WORK/err" ] || fail "stderr is not empty: $(cat "$WORK/err")"; }

# disks: the /dev names of all attached disks, a line each, in LUN order.
disks() {
    iscsiadm -m session -P 3 2>/dev/null |
        sed -n 's|.*Attached scsi disk \([^ \t]*\).*|/dev/\1|p'
}

# discover: node records of all targets on $PORTAL.
discover() { expect_exit 0 iscsiadm -m discovery -t st -p "$PORTAL"; }

# log_in: everything that was discovered; the disks are in the array `disk`.
log_in() {
    discover
    expect_exit 0 iscsiadm -m node -l
    expect_no_err
    # shellcheck disable=SC2034
    mapfile -t disk < <(disks)
}

log_out() {
    expect_exit 0 iscsiadm -m node -u
    expect_no_err
}

# is_ours NODE: a loop device over a file of this test; after a logout another test may have its number.
is_ours() { grep -qsF "$WORK" "/sys/block/${1#/dev/}/loop/backing_file"; }

# Loop devices and mounts that belong to this test.
leftovers() {
    grep -F "$WORK" /proc/self/mounts
    grep -lF "$WORK" /sys/block/loop*/loop/backing_file 2>/dev/null
}

# Loop devices first: once the file below one is unmounted, nothing says whose the device is.
remove_leftovers() {
    local path
    for path in $(grep -lF "$WORK" /sys/block/loop*/loop/backing_file 2>/dev/null); do
        path=${path#/sys/block/}
        losetup -d "/dev/${path%%/*}"
    done
    awk -v w="$WORK" 'index($2, w) == 1 { print $2 }' /proc/self/mounts | xargs -r -n 1 umount -l
}

at_end() { cleanups=("$1" "${cleanups[@]}"); }

finish() {
    local status=$? command
    trap - EXIT
    for command in "${cleanups[@]}"; do eval "$command"; done
    stop_iscsid || { echo "iscsid ended with $?" >&2; tail -n 20 "$WORK/iscsid.log" >&2; status=1; }
    stop_target
    if [ -n "$(leftovers)" ]; then
        echo "left behind: $(leftovers)" >&2
        status=1
        remove_leftovers
    fi
    rm -rf "$WORK"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM
