#!/usr/bin/env bash
# No space under the database: a clear error, exit code 6, the old record whole.
. "$(dirname "$0")/../support/functions.sh"
requires_root
mount -t tmpfs -o size=96k tmpfs "$ISCSI_DATABASE_DIR" || skip "cannot mount a tmpfs"
at_end "umount $ISCSI_DATABASE_DIR"
start_iscsid
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p 127.0.0.1:3260,1 -o new
record=$ISCSI_DATABASE_DIR/nodes/$TARGET_NAME/127.0.0.1,3260,1/default
cp "$record" "$WORK/before"
dd if=/dev/zero of="$ISCSI_DATABASE_DIR/filler" bs=4k status=none 2>/dev/null
expect_exit 6 iscsiadm -m node -T "$TARGET_NAME" -o update -n node.startup -v automatic
expect_err "No space left on device"
cmp "$WORK/before" "$record" || fail "the record changed"
expect_exit 6 iscsiadm -m node -T "$TARGET_NAME.new" -p 127.0.0.1:3260,1 -o new
rm "$ISCSI_DATABASE_DIR/filler"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -o update -n node.startup -v automatic
[ "$(find "$ISCSI_DATABASE_DIR/nodes/$TARGET_NAME" -type f | wc -l)" -eq 1 ] || fail "leftover files: $(find "$ISCSI_DATABASE_DIR" -type f)"
