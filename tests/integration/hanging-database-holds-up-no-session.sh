#!/usr/bin/env bash
# A database and settings whose disk does not answer, here one of another iscsid whose target hangs:
# sessions that are there go on, and the end of the daemon waits for nobody.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires socat

# beside COMMAND…: with the daemon, the records and the names of another one.
beside() {
    ISCSI_CONFIG_DIR=$WORK/etc2 ISCSI_DATABASE_DIR=$WORK/db2 ISCSID_RUNTIME_DIR=$WORK/run2 \
        ISCSID_SOCKET=$WORK/run2/iscsid.sock "$@"
}
start_beside() {
    mkdir -p "$WORK/etc2" "$WORK/db2" "$WORK/run2"
    echo "InitiatorName=$INITIATOR_NAME-2" >"$WORK/etc2/initiatorname.iscsi"
    cp "$ISCSI_CONFIG_DIR/iscsid.conf" "$WORK/etc2/"
    beside exec iscsid -f -n >>"$WORK/iscsid-2.log" 2>&1 &
    beside_pid=$! # of the daemon: the shell around it is replaced
    at_end "kill $beside_pid 2>/dev/null; wait $beside_pid"
    wait_until 10 beside daemon_answers || fail "the daemon of the disk does not start"
}
is_read() { find "/proc/$iscsid_pid/fd" -lname "$1" | grep -q .; }

# puts_on_disk FILE: it is known by name, its text is not in memory.
put_on_disk() {
    local to=$WORK/mnt/${1##*/}
    cp "$1" "$to" && sync -f "$to" && mount --bind "$to" "$1" || fail "mount --bind $1"
    at_end "mountpoint -q $1 && umount $1"
    dd if="$1" iflag=nocache count=0 status=none
}

start_target
add_target 1 "$TARGET_NAME" 32M
add_target 2 "$TARGET_NAME-2" 32M
start_iscsid
discover
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -l
tgt_portal=$PORTAL
start_test_target
start_beside
expect_exit 0 beside iscsiadm -m discovery -t st -p "$PORTAL"
expect_exit 0 beside iscsiadm -m node -T "$TARGET_NAME" -l
disk_beside=$(beside disks)

# ---- the record of the second target, and iscsid.conf, are on the disk that hangs
record=$(find "$ISCSI_DATABASE_DIR/nodes/$TARGET_NAME-2" -type f | head -n 1)
conf=$ISCSI_CONFIG_DIR/iscsid.conf
mkdir -p "$WORK/mnt"
mkfs.ext4 -q "$disk_beside" && mount "$disk_beside" "$WORK/mnt" || fail "mkfs and mount of $disk_beside"
at_end "mountpoint -q $WORK/mnt && umount $WORK/mnt"
put_on_disk "$record"
put_on_disk "$conf"
at_end "tell_target 'lun 0 hang off' >/dev/null"
tell_target "lun 0 hang on" >/dev/null
kill -HUP "$iscsid_pid"
wait_until 20 is_read "$conf" || fail "the settings are not read"
kill -HUP "$iscsid_pid"
node='{"target":"'$TARGET_NAME-2'","address":"127.0.0.1","port":'${tgt_portal#*:}',"group_tag":1,"interface":"default"}'
printf '{"method":"org.iscsi-userland.iscsid.Login","parameters":{"nodes":[%s],"wait":false}}\0' "$node" |
    socat -t 60 - "UNIX-CONNECT:$ISCSID_SOCKET" >"$WORK/login" 2>&1 &
at_end "kill $! 2>/dev/null"
wait_until 20 is_read "$record" || fail "the record is not read: $(cat "$WORK/login")"

# ---- the session that is there is told of, flushed and logged out by the end; nobody waits for the reader
ISCSI_CONFIG_DIR=$WORK/etc2 expect_exit 0 iscsiadm -m session
expect_out "$TARGET_NAME "
is_read "$record" && is_read "$conf" || fail "they were read: nothing hangs"
! grep -q "settings are read again" "$WORK/iscsid.log" || fail "the settings were read"
kill "$iscsid_pid"
wait_until 20 eval "! kill -0 $iscsid_pid" || fail "the end waits for the disk of the database"
status=0
wait "$iscsid_pid" || status=$?
[ $status -eq 0 ] || fail "the end is $status"
iscsid_pid=''
grep -q "ended while a record is read" "$WORK/iscsid.log" || fail "no word of it"
[ ! -e "$ISCSID_SOCKET" ] || fail "the socket is left"
[ -z "$(find "$ISCSID_RUNTIME_DIR/state" -type f 2>/dev/null)" ] || fail "a session is left"

# ---- and when it answers again all is as before
tell_target "lun 0 hang off" >/dev/null
umount "$record" && umount "$conf" && umount "$WORK/mnt" || fail "umount"
start_iscsid
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME-2" -l
log_out
expect_exit 0 beside iscsiadm -m node -u
