#!/usr/bin/env bash
# The power of initiator and target fails at random moments, and the target loses at random what was
# not flushed: a journalled filesystem comes back clean, with every file whose fsync had returned.
# And the test can fail: a target that lies about flushes is found out.
# Usage: power-cuts-keep-what-was-flushed.sh [DRIVER [CUTS]]
. "$(dirname "$0")/../support/functions.sh"
driver=${1:-auto} cuts=${2:-5}
requires_root
[ "$driver" != auto ] || requires_loop_disks
requires mkfs.ext4 e2fsck

# Writes files, each synced, and notes those that are safe, until the filesystem fails.
work_until_the_end() {
    local number
    for number in $(seq 100000); do
        head -c $((4096 + RANDOM)) /dev/urandom >"$WORK/content" 2>/dev/null
        cp "$WORK/content" "$WORK/mnt/$1-$number" 2>/dev/null && sync "$WORK/mnt/$1-$number" 2>/dev/null || return
        echo "$(sha1sum <"$WORK/content") $1-$number" >>"$WORK/safe"
    done
}

power_off() { kill -USR1 "$test_target_pid"; }
power_on() { kill -USR2 "$test_target_pid"; }

attach() {
    expect_exit 0 iscsiadm -m node -l
    mapfile -t disk < <(disks)
}

# The initiator loses its power too: nothing of what it still holds reaches the disk.
lose_everything() {
    umount -l "$WORK/mnt" 2>/dev/null
    wait_until 60 no_disks || fail "the session does not end without its target"
}

no_disks() {
    iscsiadm -m node -u
    [ -z "$(disks)" ]
}

safe_files_are_there() {
    local sum name
    while read -r sum _ name; do
        [ "$(sha1sum <"$WORK/mnt/$name" 2>/dev/null)" = "$sum  -" ] || return 1
    done <"$WORK/safe"
}

# cut_once NUMBER: true when the filesystem is whole after it.
cut_once() {
    attach
    mount "${disk[0]}" "$WORK/mnt" || return 1
    work_until_the_end "$1" &
    local worker=$! before
    before=$(wc -l <"$WORK/safe")
    wait_until 30 eval "[ \$(wc -l <$WORK/safe) -gt $((before + 1)) ]" || fail "no files can be synced"
    sleep "0.$((RANDOM % 9 + 1))"
    power_off
    wait "$worker" 2>/dev/null
    lose_everything
    power_on
    attach
    mount "${disk[0]}" "$WORK/mnt" || return 1 # replays the journal
    safe_files_are_there || return 1
    umount "$WORK/mnt" || fail "umount"
    e2fsck -fn "${disk[0]}" >"$WORK/fsck" 2>&1 || return 1
    log_out
}

# run_cuts [TARGET-OPTION…]: prints how many cuts it survived.
run_cuts() {
    start_test_target --volatile-cache --size 48 "$@"
    iscsiadm -m node -o delete 2>/dev/null
    discover
    # Without patience for a cut, and with much for a slow machine.
    expect_exit 0 iscsiadm -m node -o update -n node.session.timeo.replacement_timeout -v 0 \
        -n node.conn[0].timeo.noop_out_timeout -v 100
    : >"$WORK/safe"
    attach
    mkfs.ext4 -q "${disk[0]}" || fail "mkfs"
    log_out
    for ((survived = 0; survived < cuts; survived++)); do
        cut_once "$survived" || break
    done
}

at_end "umount -l $WORK/mnt 2>/dev/null; iscsiadm -m node -u >/dev/null 2>&1"
mkdir "$WORK/mnt"
cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/iscsid.conf"
sed -i "s/^iscsid.disk.driver = .*/iscsid.disk.driver = $driver/; s/^iscsid.safe_logout = .*/iscsid.safe_logout = No/" \
    "$ISCSI_CONFIG_DIR/iscsid.conf"
start_iscsid
run_cuts
[ "$survived" -eq "$cuts" ] || fail "cut $survived lost what was safe: $(cat "$WORK/fsck" 2>/dev/null)"
[ "$(wc -l <"$WORK/safe")" -gt "$cuts" ] || fail "only $(wc -l <"$WORK/safe") files were synced"
echo "$(wc -l <"$WORK/safe") synced files survived $cuts power cuts"
stop_test_target

cuts=20
run_cuts --ignore-flushes
[ "$survived" -lt "$cuts" ] || fail "a target that ignores flushes was not noticed"
echo "a target that ignores flushes is found out after $survived cuts"
umount -l "$WORK/mnt" 2>/dev/null
wait_until 20 no_disks
stop_test_target
