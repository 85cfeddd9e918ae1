#!/usr/bin/env bash
# No room for the files of the records, or of the daemon: whoever asked hears which file and why, what was
# there stays whole, and nothing half-made stays: no link that leads nowhere, no empty folder, no empty file.
# The same where nothing may be written. All in a mount namespace of its own.
if [ "${IN_OWN_NAMESPACE:-}" != yes ] && [ "$(id -u)" -eq 0 ]; then
    IN_OWN_NAMESPACE=yes exec "$(dirname "$0")/../support/own-mounts" bash "$0" "$@"
fi
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires unshare setpriv

# with_room FOLDER PAGES INODES: a file system of so many pages and inodes there.
with_room() {
    ! mountpoint -q "$1" || umount "$1" || fail "umount $1"
    local size=$(($2 * $(getconf PAGESIZE)))
    mount -t tmpfs -o "size=$size,nr_inodes=$3,mode=700" room "$1" || fail "mount"
}

# tree: all names below the database, links with where they lead, files with what they say.
tree() {
    (cd "$ISCSI_DATABASE_DIR" && find . -mindepth 1 ! -name .lock -printf '%p %y %l\n' | sort &&
        find . -type f ! -name .lock -exec sha256sum {} + | sort)
}

expect_whole_tree() {
    local bad
    bad=$(cd "$ISCSI_DATABASE_DIR" && { find . -xtype l; find . -mindepth 2 -type d -empty; find . -name .staged
        find . -type f -empty ! -name .lock; })
    [ -z "$bad" ] || fail "$1: half-made: $bad"
}

# expect_refused FILE REASON COMMAND…: exit code 6, and a line that names both.
expect_refused() {
    local file=$1 reason=$2
    shift 2
    expect_exit 6 "$@"
    grep -qF "$reason" "$WORK/err" && grep -qF "iscsiadm: $file" "$WORK/err" ||
        fail "$*: '$file' and '$reason' are not said: $(cat "$WORK/err")"
}

# Each target has the records of both interfaces, with their links, or none.
expect_whole_targets() {
    local target
    for target in "$ISCSI_DATABASE_DIR"/nodes/*; do
        [ -e "$target" ] || continue
        [ "$(find "$target" -type f | wc -l)" -eq 2 ] &&
            [ "$(find "$ISCSI_DATABASE_DIR/send_targets" -name "${target##*/},*" | wc -l)" -eq 2 ] ||
            fail "$1: half of $target is recorded: $(tree)"
    done
}

# discover_with PAGES INODES: true when there was room for all of it.
discover_with() {
    local code=0
    with_room "$ISCSI_DATABASE_DIR" "$1" "$2"
    iscsiadm -m iface -I second -o new >/dev/null 2>&1 || return 1
    iscsiadm -m discovery -t st -p "$PORTAL" -I default -I second >"$WORK/out" 2>"$WORK/err" || code=$?
    expect_whole_tree "discovery with $1 pages and $2 inodes"
    expect_whole_targets "discovery with $1 pages and $2 inodes"
    [ $code -ne 0 ] || return 0
    [ $code -eq 6 ] || fail "exit code $code: $(cat "$WORK/err")"
    expect_err "$ISCSI_DATABASE_DIR/"
    expect_err "No space left on device"
    return 1
}

# What was there stays as it was, whatever is tried; what removes, works.
change_with_no_room() {
    local before
    before=$(tree)
    expect_refused "$ISCSI_DATABASE_DIR/nodes/$1" "$2" \
        iscsiadm -m node -T "$1" -p "$PORTAL" -o update -n node.startup -v automatic
    expect_refused "$ISCSI_DATABASE_DIR/ifaces" "$2" iscsiadm -m iface -I another -o new
    expect_refused "$ISCSI_DATABASE_DIR/" "$2" iscsiadm -m node -T iqn.2026-11.org.example:new -p 192.0.2.1 -o new
    expect_refused "$ISCSI_DATABASE_DIR/send_targets" "$2" \
        iscsiadm -m discoverydb -t st -p 192.0.2.1 -o new
    [ "$before" = "$(tree)" ] || fail "changed: $(diff <(echo "$before") <(tree))"
    expect_exit 0 iscsiadm -m node
    expect_no_err
}

fill() { dd if=/dev/zero of="$1/filler" bs=4k status=none 2>/dev/null; }
use_up_names() {
    local i=0
    while true 2>/dev/null >"$1/filler-$i"; do i=$((i + 1)); done 2>/dev/null
}

start_target
for each in 1 2 3; do add_target $each "$TARGET_NAME$each" 8M; done
start_iscsid

# ---- the records ----
at_end "! mountpoint -q $ISCSI_DATABASE_DIR || umount $ISCSI_DATABASE_DIR"
tries=0
for each in $(seq 30); do ! discover_with "$each" 1000 || break; tries=$each; done
[ "$tries" -ge 6 ] && [ "$tries" -lt 30 ] || fail "room for $tries pages was too little: nothing is tested"
fill "$ISCSI_DATABASE_DIR"
change_with_no_room "${TARGET_NAME}1" "No space left on device"
expect_exit 0 iscsiadm -m node -T "${TARGET_NAME}2" -o delete
rm "$ISCSI_DATABASE_DIR/filler"
discover

for each in $(seq 2 60); do ! discover_with 1000 "$each" || break; tries=$each; done
[ "$tries" -ge 20 ] && [ "$tries" -lt 60 ] || fail "$tries inodes were too few: nothing is tested"
use_up_names "$ISCSI_DATABASE_DIR"
change_with_no_room "${TARGET_NAME}1" "No space left on device"
expect_exit 0 iscsiadm -m node -T "${TARGET_NAME}2" -o delete
expect_whole_tree "delete"

rm -f "$ISCSI_DATABASE_DIR"/filler-*
discover
mount -o remount,ro "$ISCSI_DATABASE_DIR" || fail "remount"
change_read_only() { # REASON [COMMAND…], which runs iscsiadm
    local before
    before=$(tree)
    for change in "node -T ${TARGET_NAME}1 -o update -n node.startup -v automatic" \
        "node -T ${TARGET_NAME}1 -o delete" "iface -I another -o new" "discovery -t st -p $PORTAL"; do
        # shellcheck disable=SC2086 # several words
        expect_refused "$ISCSI_DATABASE_DIR" "$1" "${@:2}" iscsiadm -m $change
    done
    [ "$before" = "$(tree)" ] || fail "changed"
}
change_read_only "Read-only file system"
expect_exit 0 iscsiadm -m node -T "${TARGET_NAME}1" -p "$PORTAL" -l
expect_exit 0 iscsiadm -m node -T "${TARGET_NAME}1" -p "$PORTAL" -u
mount -o remount,rw "$ISCSI_DATABASE_DIR" && chmod -R a-w "$ISCSI_DATABASE_DIR" || fail "chmod"
rights=-dac_override,-dac_read_search
change_read_only "Permission denied" setpriv --bounding-set $rights --inh-caps $rights
umount "$ISCSI_DATABASE_DIR"
discover
stop_iscsid || fail "iscsid ended with $?"

# Records of another folder are only moved aside when there is room for the link in their place.
at_end "! mountpoint -q $ISCSI_CONFIG_DIR || umount $ISCSI_CONFIG_DIR"
with_room "$ISCSI_CONFIG_DIR" 100 1000
ISCSI_DATABASE_DIR=$ISCSI_CONFIG_DIR expect_exit 0 iscsiadm -m node -T iqn.2026-11.org.example:old -p 192.0.2.1 -o new
use_up_names "$ISCSI_CONFIG_DIR"
before=$(find "$ISCSI_CONFIG_DIR" | sort)
expect_refused "$ISCSI_CONFIG_DIR/nodes" "No space left on device" iscsiadm -m node -o import
[ "$before" = "$(find "$ISCSI_CONFIG_DIR" | sort)" ] || fail "half moved: $(ls "$ISCSI_CONFIG_DIR")"
rm "$ISCSI_CONFIG_DIR"/filler-*
expect_exit 0 iscsiadm -m node -o import
[ "$(readlink "$ISCSI_CONFIG_DIR/nodes")" = "$ISCSI_DATABASE_DIR/nodes" ] || fail "no link"
umount "$ISCSI_CONFIG_DIR"

# ---- the daemon ----
at_end "! mountpoint -q $ISCSID_RUNTIME_DIR || umount $ISCSID_RUNTIME_DIR"
with_room "$ISCSID_RUNTIME_DIR" 100 1000
start_iscsid
fill "$ISCSID_RUNTIME_DIR"
one=(iscsiadm -m node -T "${TARGET_NAME}1" -p "$PORTAL")
expect_exit 0 "${one[@]}" -l
expect_out "successful."
expect_err "LUN 1 ("
expect_err "gets no links in /dev/disk: $ISCSID_RUNTIME_DIR/udev/"
expect_err "No space left on device"
[ "$(wc -l <"$WORK/err")" -eq 1 ] || fail "more than a line: $(cat "$WORK/err")"
[ "$(grep -c "gets no links" "$WORK/iscsid.log")" -eq 1 ] || fail "not once in the log"
[ -z "$(find "$ISCSID_RUNTIME_DIR/udev" -type f)" ] || fail "a half file: $(ls -la "$ISCSID_RUNTIME_DIR/udev")"
mapfile -t disk < <(disks)
dd if=/dev/zero of="${disk[0]}" bs=4k count=4 oflag=direct status=none || fail "${disk[0]} cannot be written"
expect_exit 0 "${one[@]}" -u
expect_no_err
rm "$ISCSID_RUNTIME_DIR/filler"

# Where not even a name can be made, a FUSE disk has no place: it fails, and nothing of it stays.
use_up_names "$ISCSID_RUNTIME_DIR"
before=$(find "$ISCSID_RUNTIME_DIR" | sort)
expect_exit 1 "${one[@]}" -l
expect_err "No space left on device"
expect_err "$ISCSID_RUNTIME_DIR/"
wait_until 20 eval '[ -z "$(iscsiadm -m session 2>/dev/null)" ]' || fail "a session stays"
[ "$before" = "$(find "$ISCSID_RUNTIME_DIR" | sort)" ] || fail "half-made: $(find "$ISCSID_RUNTIME_DIR" ! -name 'filler*')"
rm "$ISCSID_RUNTIME_DIR"/filler-*
expect_exit 0 "${one[@]}" -l
expect_no_err
mapfile -t disk < <(disks)
[ -s "$ISCSID_RUNTIME_DIR/udev/${disk[0]##*/}" ] || fail "udev is not told of ${disk[0]}"
expect_exit 0 "${one[@]}" -u
stop_iscsid || fail "iscsid ended with $?"

# A daemon that has no room to begin with says so, and leaves nothing.
expect_no_start() {
    local before
    before=$(find "$ISCSID_RUNTIME_DIR" ! -type d | sort)
    timeout 20 iscsid "$@" >"$WORK/out" 2>"$WORK/err" && fail "iscsid $* starts without room"
    expect_err "No space left on device"
    expect_err "$ISCSID_RUNTIME_DIR/"
    [ "$before" = "$(find "$ISCSID_RUNTIME_DIR" ! -type d | sort)" ] ||
        fail "half-made: $(find "$ISCSID_RUNTIME_DIR" ! -name 'filler*')"
}
with_room "$ISCSID_RUNTIME_DIR" 100 1000
fill "$ISCSID_RUNTIME_DIR"
expect_no_start -p "$ISCSID_RUNTIME_DIR/pid"
rm "$ISCSID_RUNTIME_DIR/filler"
use_up_names "$ISCSID_RUNTIME_DIR"
expect_no_start -f -n
