#!/usr/bin/env bash
# What a container does not give: each thing that is missing is named once at the start of iscsid and by
# --check, which ends as without. What needs none of it works.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires setpriv unshare nbdcopy
unshare -m --propagation private true 2>/dev/null || skip "needs mount namespaces"
start_target
add_target 1 "$TARGET_NAME" 8M
head -c 8M /dev/urandom >"$WORK/data"

confined=()
# lacking NOTE LINE COMMAND…: iscsid started by COMMAND has NOTE of --check, and LINE once in its log.
lacking() {
    local note=$1 line=$2
    shift 2
    confined=("$@")
    : >"$WORK/iscsid.log"
    start_iscsid
    [ "$(grep -cF -- "$line" "$WORK/iscsid.log")" -eq 1 ] || fail "not said once: '$line'"
    expect_exit 0 "${confined[@]}" "$BUILD/iscsid/iscsid" --check
    expect_out "note: $note"
    expect_out "0 errors, 0 warnings"
    "$BUILD/iscsid/iscsid" --check >"$WORK/all" || fail "--check"
    ! grep -qF -- "$note" "$WORK/all" || fail "it is said without being so: '$note'"
}
iscsid() { exec "${confined[@]}" "$BUILD/iscsid/iscsid" "$@"; }
setpriv --bounding-set -sys_admin true 2>/dev/null || skip "capabilities cannot be dropped here"
# shellcheck disable=SC2016 # for the shell inside
in_mounts() { confined=("$(dirname "$0")/../support/own-mounts" bash -c "$1"' && exec "$@"' inside); }

cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/"
echo "iscsid.disk.driver = export" >>"$ISCSI_CONFIG_DIR/iscsid.conf"
lacking "no CAP_SYS_ADMIN: " "no CAP_SYS_ADMIN: " setpriv --bounding-set -sys_admin,-sys_ptrace
[ "$(grep -c "no CAP_SYS_PTRACE: " "$WORK/iscsid.log")" -eq 1 ] || fail "CAP_SYS_PTRACE is not missed"
discover
expect_exit 0 iscsiadm -m node -l
expect_exit 0 nbdcopy --flush "$WORK/data" "nbd+unix:///?socket=$ISCSID_RUNTIME_DIR/nbd/$TARGET_NAME-lun-1.sock"
cmp "$WORK/data" "$WORK/lun-1-1" || fail "the target holds something else"
log_out
stop_iscsid || fail "iscsid ended with $?"

lacking "only 64 KiB of memory may be locked" "memory cannot be locked" \
    setpriv --bounding-set -ipc_lock bash -c 'ulimit -l 64 && exec "$@"' inside
stop_iscsid || fail "iscsid ended with $?"

in_mounts "mount -o remount,bind,ro /sys"
lacking "/sys is read-only: " "/sys is read-only: " "${confined[@]}"
stop_iscsid || fail "iscsid ended with $?"

# The driver says it when it is asked for, and a login why there is none.
mkdir "$WORK/dev"
cp -a /dev/{null,zero,random,urandom,loop-control} "$WORK/dev"
sed -i 's/^iscsid.disk.driver = .*/iscsid.disk.driver = fuse/' "$ISCSI_CONFIG_DIR/iscsid.conf"
in_mounts "mount --bind '$WORK/dev' /dev"
lacking "no /dev/fuse to read and write" "no disks, logins will be refused: /dev/fuse" "${confined[@]}"
expect_exit 12 iscsiadm -m node -l
expect_err "/dev/fuse"
stop_iscsid || fail "iscsid ended with $?"
