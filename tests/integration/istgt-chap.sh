#!/usr/bin/env bash
# istgt with CHAP in both directions, for discovery and for the node.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires fio
start_istgt "CHAP Mutual"
cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/iscsid.conf"
for prefix in node.session discovery.sendtargets; do
    cat >>"$ISCSI_CONFIG_DIR/iscsid.conf" <<END
$prefix.auth.authmethod = CHAP
$prefix.auth.username = alice
$prefix.auth.password = $SECRET
$prefix.auth.username_in = disk
$prefix.auth.password_in = $TARGET_SECRET
END
done
start_iscsid
discover
expect_exit 0 iscsiadm -m node -l
mapfile -t disk < <(disks)
verify_disk "${disk[0]}"
log_out
expect_exit 0 iscsiadm -m node -o update -n node.session.auth.password_in -v not-of-the-disk
expect_exit 19 iscsiadm -m node -l
expect_exit 0 iscsiadm -m node -o update -n node.session.auth.password -v not-the-secret-1
expect_exit 24 iscsiadm -m node -l
