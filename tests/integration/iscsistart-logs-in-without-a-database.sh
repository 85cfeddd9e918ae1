#!/usr/bin/env bash
# iscsistart as an initramfs runs it: words and exit codes, a login without a database and without a daemon,
# CHAP, the firmware's targets; secrets are readable for nobody; nothing is left of a login that fails; the
# daemon of the system takes the place of that of the initramfs. Disks outlive that in tests/vm/root-on-iscsi.sh.
. "$(dirname "$0")/../support/functions.sh"
requires_root
boot=$ISCSID_RUNTIME_DIR/boot
account() { tgtadm --lld iscsi --mode account "$@" || fail "tgtadm account $*"; }
start() { expect_exit "$1" iscsistart -i "$INITIATOR_NAME" -g 1 -a 127.0.0.1 -p "$PORT" "${@:2}"; }
boot_iscsiadm() { ISCSID_SOCKET=$boot/iscsid.sock iscsiadm "$@"; }
boot_pid() { cat "$boot/iscsid.pid" 2>/dev/null; }
end_boot_daemon() {
    local pid
    pid=$(boot_pid) || return 0
    kill "$pid" && wait_until 20 eval "! kill -0 $pid" || fail "the daemon of the initramfs does not end"
}
at_end 'pid=$(boot_pid) && kill "$pid" && wait_until 20 eval "! kill -0 $pid"'

# The driver that needs nothing of the kernel.
use_driver() {
    cp etc/iscsi/iscsid.conf "$ISCSI_CONFIG_DIR/"
    echo "iscsid.disk.driver = $1" >>"$ISCSI_CONFIG_DIR/iscsid.conf"
}

# ibft FILE TEXT
ibft() {
    mkdir -p "$ISCSI_SYSFS_DIR/firmware/ibft/$(dirname "$1")"
    echo "$2" >"$ISCSI_SYSFS_DIR/firmware/ibft/$1"
}

refusals() {
    export ISCSI_SYSFS_DIR=$WORK/sys
    expect_exit 7 iscsistart
    expect_err "iscsistart: InitiatorName not set. Exiting iscsistart"
    expect_exit 7 iscsistart -x
    expect_err "Try \`iscsistart --help' for more information."
    expect_exit 21 iscsistart -b
    expect_out "Could not get boot entry."
    expect_exit 21 iscsistart -f
    expect_out "Could not get list of targets from firmware."
    expect_exit 21 iscsistart -N
    expect_out "Could not setup fw entries."
    expect_exit 0 iscsistart -v
    expect_out "iscsistart version 2.1.8"
    start 7 -t "$TARGET_NAME" -P node.sesion.timeo.replacement_timeout=1
    start 7 -t "Not A Name"
    start 7 -t "$TARGET_NAME" -i "bad name"
    expect_err "bad name"
    start 7 -t "$TARGET_NAME" -u alice -w "$SECRET" -W "$TARGET_SECRET"
    expect_err "needs -U"
    start 7 -t "$TARGET_NAME" -c /nonexistent
    expect_err "-c /nonexistent: there is no such file"
    [ -z "$(boot_pid)" ] || fail "a daemon was started"
}

log_in_once() {
    start 0 -t "$TARGET_NAME"
    expect_out "iscsistart: Logging into $TARGET_NAME 127.0.0.1:$PORT,1"
    expect_err "disks by export, as iscsid.conf asks: they end with their daemon"
    tr '\0' ' ' <"/proc/$(boot_pid)/cmdline" | grep -q '^@iscsid ' || fail "the end of the initramfs would kill it"
    expect_exit 0 boot_iscsiadm -m session
    expect_out "$TARGET_NAME (non-flash)"
    [ -z "$(ls -A "$ISCSI_DATABASE_DIR")" ] || fail "the database was written to: $(ls -A "$ISCSI_DATABASE_DIR")"
    start 0 -t "$TARGET_NAME"
    [ "$(boot_iscsiadm -m session | wc -l)" -eq 1 ] || fail "not one session: $(boot_iscsiadm -m session)"
}

# While it waits for a target that is stopped, and afterwards.
secrets_are_private() {
    kill -STOP "$tgtd_pid"
    rm -f "$WORK/start" # what an earlier one said says nothing of this one
    iscsistart -i "$INITIATOR_NAME" -g 1 -a 127.0.0.1 -p "$PORT" -t "$TARGET_NAME-chap" -u alice -w "$SECRET" \
        >"$WORK/start" 2>&1 &
    local pid=$!
    wait_until 10 grep -q "Logging into" "$WORK/start" || fail "no login: $(cat "$WORK/start")"
    ! grep -aqF "$SECRET" "/proc/$pid/cmdline" || fail "the secret is in the arguments"
    kill -CONT "$tgtd_pid"
    wait $pid || fail "CHAP: $(cat "$WORK/start")"
    [ "$(stat -c %a "$boot")" = 700 ] || fail "$boot is not private"
    grep -rqF "$SECRET" "$boot/nodes" || fail "no record with the secret"
    [ -z "$(find "$boot" -type f -perm /077)" ] || fail "others may read $(find "$boot" -type f -perm /077)"
    ! grep -rqF "$SECRET" "/proc/$(boot_pid)/cmdline" "/proc/$(boot_pid)/environ" "$WORK/start" || fail "secret shown"
}

failed_login_leaves_nothing() {
    start 1 -t "$TARGET_NAME-none" -P node.session.initial_login_retry_max=1
    expect_err "initiator reported error (19 - encountered non-retryable iSCSI login failure)"
    ! boot_pid || fail "a daemon without a session is left"
    start 1 -t "$TARGET_NAME-chap" -u alice -w not-the-secret-1
    expect_err "initiator reported error (24"
    ! boot_pid || fail "a daemon without a session is left"
    ! grep -rqF not-the-secret-1 "$boot" || fail "the secret of a failed login is left"
}

# By a signal, while the target does not answer; twice, as timeout(1) sends it.
interrupted_login_leaves_nothing() {
    local pid status=0
    kill -STOP "$tgtd_pid"
    rm -f "$WORK/start" # what an earlier one said says nothing of this one
    iscsistart -i "$INITIATOR_NAME" -g 1 -a 127.0.0.1 -p "$PORT" -t "$TARGET_NAME-chap" -u alice -w "$SECRET" \
        >"$WORK/start" 2>&1 &
    pid=$!
    wait_until 10 grep -q "Logging into" "$WORK/start" || fail "no login: $(cat "$WORK/start")"
    kill $pid
    kill $pid
    wait $pid || status=$?
    kill -CONT "$tgtd_pid"
    [ $status -eq 143 ] || fail "ended with $status: $(cat "$WORK/start")"
    ! boot_pid || fail "its daemon is left"
    ! grep -rqF "$SECRET" "$boot" || fail "its secret is left"
}

# While the daemon of a call that has failed ends, and several at once: none ends the daemon of another.
calls_follow_each_other() {
    local k pids=()
    start 1 -t "$TARGET_NAME-none" -P node.session.initial_login_retry_max=1
    start 0 -t "$TARGET_NAME"
    kill "$(boot_pid)"
    start 0 -t "$TARGET_NAME"
    end_boot_daemon
    for k in 1 2 3 4; do
        iscsistart -i "$INITIATOR_NAME" -g 1 -a 127.0.0.1 -p "$PORT" -t "$TARGET_NAME$([ $k -lt 4 ] || echo -none)" \
            -P node.session.initial_login_retry_max=1 >"$WORK/start.$k" 2>&1 &
        pids+=($!)
    done
    ! wait "${pids[3]}" || fail "a login to nothing"
    for k in 1 2 3; do
        wait "${pids[k - 1]}" || fail "$k of several: $(cat "$WORK"/start.?)"
    done
    [ "$(boot_iscsiadm -m session | wc -l)" -eq 1 ] || fail "not one session: $(boot_iscsiadm -m session)"
    [ "$(ls "$boot/nodes")" = "$TARGET_NAME" ] || fail "records: $(ls "$boot/nodes")"
    end_boot_daemon
}

firmware() {
    ibft initiator/initiator-name iqn.2026-11.org.example:firmware
    ibft target0/flags 3
    ibft target0/target-name "$TARGET_NAME"
    ibft target0/ip-addr 127.0.0.1
    ibft target0/port "$PORT"
    expect_exit 0 iscsistart -f
    expect_out "node.name = $TARGET_NAME"
    expect_exit 0 iscsistart -b
    tgtadm --lld iscsi --op show --mode target | grep -q "Initiator: iqn.2026-11.org.example:firmware" ||
        fail "no session of the firmware's name"
}

# The system's daemon is not left waiting, and iscsistart is not for a system that has one.
system_takes_over() {
    local pid
    pid=$(boot_pid)
    start_iscsid
    wait_until 20 eval "! kill -0 $pid" || fail "the daemon of the initramfs goes on"
    grep -q "the iscsid of the initramfs has ended" "$WORK/iscsid.log" || fail "it was not relieved"
    start 1 -t "$TARGET_NAME"
    expect_err "iscsid is running, and serves this system"
    kill -0 "$iscsid_pid" || fail "iscsistart has ended the daemon of the system"
    stop_iscsid
}

# With the driver that iscsid would choose; only where that is none that outlives the initramfs.
mortal_disks_are_refused() {
    use_driver auto
    [ ! -e /dev/ublk-control ] && [ ! -e /sys/module/nbd ] || return 0
    start 1 -t "$TARGET_NAME"
    expect_err "this kernel has neither ublk nor nbd"
    wait_until 10 eval '! boot_pid' || fail "a daemon is left"
}

start_target
add_target 1 "$TARGET_NAME" 64M
add_target 2 "$TARGET_NAME-chap" 64M
account --op new --user alice --password "$SECRET"
account --op bind --tid 2 --user alice
use_driver export
refusals
log_in_once
secrets_are_private
end_boot_daemon
failed_login_leaves_nothing
interrupted_login_leaves_nothing
calls_follow_each_other
firmware
system_takes_over
mortal_disks_are_refused
echo "logged in without a database"
