#!/usr/bin/env bash
# With a manual scan a session has no disk until one is asked for. One LUN is attached and detached while
# data flows on another; what is in use is refused; what is detached stays so, over reconnects too, until
# somebody wants it; and every order can be given twice.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires fio
start_target
add_target 1 "$TARGET_NAME" 64M 32M 16M 8M
start_iscsid
discover
expect_exit 0 iscsiadm -m node -o update -n node.session.scan -v manual

session() { iscsiadm -m session -r 1 "$@"; }
order() { expect_exit 0 session --lun "$2" "--$1"; }
# The LUNs that have a disk, in one line.
attached() { session -P 3 2>/dev/null | sed -n 's/.*Lun: \([0-9]*\)$/\1/p' | xargs; }
attached_are() { [ "$(attached)" = "$1" ]; }
expect_attached() { attached_are "$1" || fail "LUNs with a disk: '$(attached)', expected '$1'"; }
disk_of() { session -P 3 | grep -A 1 "Lun: $1\$" | sed -n 's|.*Attached scsi disk \([^ \t]*\).*|/dev/\1|p'; }

expect_exit 0 iscsiadm -m node -l
expect_attached ""
order attach 2
expect_no_err
two=$(disk_of 2)
expect_out "LUN 2 of session [sid: 1, target: $TARGET_NAME, portal: 127.0.0.1,$PORT]: attached as ${two#/dev/}."
expect_attached 2
[ "$(blockdev --getsize64 "$two")" -eq $((32 << 20)) ] || fail "$two is not LUN 2"
order attach 2
expect_no_err
expect_out "attached already as ${two#/dev/}."
expect_attached 2

# What is no disk, or not there, is refused with the reason; LUN 0 of tgtd is its controller.
expect_exit 16 session --lun 0 --attach
expect_err "Could not attach LUN 0 of session [sid: 1,"
expect_err "storage array controller"
expect_exit 21 session --lun 9 --attach
expect_err "Could not attach LUN 9 of session [sid: 1,"
expect_err "LUN 9: "
expect_exit 21 session --lun 300 --attach
for wrong in "" -1 16384 1x 0x41; do
    expect_exit 7 session --lun "$wrong" --attach
    expect_err "Invalid LUN '$wrong'. It must be from 0 to 16383"
done
expect_exit 7 session --lun 1
expect_err "--lun LUN goes with --attach, --detach or --persist"
expect_exit 7 iscsiadm -m session --lun 1 --attach
expect_err "goes with -r SID and nothing else"
expect_exit 22 iscsiadm -m session -r 7 --lun 1 --attach
expect_attached 2

# Data flows on LUN 1 while LUN 2 and 3 come and go.
expect_exit 0 session --lun 0x0001000000000000 --attach
one=$(disk_of 1)
fio --name=flow --filename="$one" --direct=1 --ioengine=libaio --iodepth=8 --rw=randrw --bs=4k --size=32m \
    --time_based --runtime=600 --verify=crc32c --verify_fatal=1 --verify_backlog=64 --verify_state_save=0 \
    --output="$WORK/fio" >"$WORK/fio-words" 2>&1 &
flow=$!
at_end "kill $flow 2>/dev/null; wait $flow 2>/dev/null"
moved() { awk '{ print $1 + $5 }' "/sys/block/${one#/dev/}/stat"; }
moves_on() { [ "$(moved)" -gt "$1" ]; }
flows() {
    kill -0 "$flow" 2>/dev/null || fail "the I/O of LUN 1 ended: $(cat "$WORK/fio" "$WORK/fio-words")"
    wait_until 30 moves_on "$(moved)" || fail "the I/O of LUN 1 stands still"
}
flows
order attach 3
expect_attached "1 2 3"
order detach 3
expect_out ": detached from loop"
flows

# In use: mounted.
mkdir "$WORK/mnt"
mkfs.ext4 -q "$two" && mount "$two" "$WORK/mnt" || fail "mkfs and mount"
at_end "mountpoint -q $WORK/mnt && umount $WORK/mnt"
expect_exit 28 session --lun 2 --detach
expect_err "Could not detach LUN 2 of session [sid: 1,"
expect_err "LUN 2 (${two#/dev/}): device is in use"
echo data >"$WORK/mnt/file" && sync -f "$WORK/mnt/file" || fail "the filesystem stopped working"
umount "$WORK/mnt" || fail "umount"
# Open.
exec 8<"$two"
expect_exit 28 session --lun 2 --detach
exec 8<&-
expect_attached "1 2"
# Free: what was written is there after the next attach.
order detach 2
expect_no_err
expect_attached 1
order detach 2
expect_no_err
expect_out "LUN 2 of session [sid: 1, target: $TARGET_NAME, portal: 127.0.0.1,$PORT]: has no disk already."
order attach 2
two=$(disk_of 2)
mount "$two" "$WORK/mnt" && [ "$(cat "$WORK/mnt/file")" = data ] || fail "the file of LUN 2 is gone"
umount "$WORK/mnt" || fail "umount"
flows

# A rescan by a user attaches the other LUNs, as with open-iscsi, but with a manual scan none that was
# detached by name.
order detach 2
expect_exit 0 session -R
expect_attached "1 4"
flows
kill "$flow"
wait "$flow"

# Over a reconnect LUN 2 stays away.
export TARGET_PORT=$PORT
state_is() { session -P 1 | grep -qF "Internal iscsid Session State: $1"; }
stop_target
wait_until 20 state_is REOPEN || fail "the end of the target was not noticed"
expect_exit 32 session --lun 2 --attach
expect_err "the session is not connected"
expect_exit 32 session --lun 4 --detach
start_target
add_target 1 "$TARGET_NAME" 64M 32M 16M 8M
wait_until 60 state_is "NO CHANGE" || fail "no reconnect"
expect_exit 0 session -R
expect_attached "1 4"

# With an automatic scan, too, but for a user's rescan.
log_out
expect_exit 0 iscsiadm -m node -o update -n node.session.scan -v auto
expect_exit 0 iscsiadm -m node -l
session() { iscsiadm -m session -r 2 "$@"; }
expect_attached "1 2 3 4"
order detach 2
stop_target
wait_until 20 state_is REOPEN || fail "the end of the target was not noticed"
start_target
add_target 1 "$TARGET_NAME" 64M 32M 16M 8M
wait_until 60 state_is "NO CHANGE" || fail "no reconnect"
order detach 2 # behind the look that follows a reconnect
expect_out "has no disk already"
expect_attached "1 3 4"
expect_exit 0 session -R
expect_attached "1 2 3 4"

# One document for each order.
expect_exit 0 session --lun 3 --detach --json
expect_out '"kind":"detached_luns"'
expect_out '"outcome":"detached"'
expect_exit 0 session --lun 3 --detach --json
expect_out '"outcome":"absent"'
expect_exit 0 session --lun 3 --attach --json
expect_out '"outcome":"attached"'
expect_out '"lun":3'
expect_exit 21 session --lun 9 --attach --json
expect_out '"outcome":"failed"'
log_out
