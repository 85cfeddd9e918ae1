#!/usr/bin/env bash
# Records where Debian's open-iscsi has them are used; an import moves them and leaves links.
. "$(dirname "$0")/../support/functions.sh"
requires_root
requires unshare
unshare --mount true 2>/dev/null || skip "needs mount namespaces"

inside() {
    mount -t tmpfs tmpfs /mnt && mkdir -p /mnt/etc/iscsi /mnt/lib || return 1
    cp -a /etc/ld.so.cache /mnt/etc/
    mount --bind /mnt/etc /etc && mount --bind /mnt/lib /var/lib || return 1
    unset ISCSI_CONFIG_DIR
    ISCSI_DATABASE_DIR=/etc/iscsi iscsiadm -m node -T "$TARGET_NAME" -p 192.0.2.1:3260,1 -o new || return 1
    unset ISCSI_DATABASE_DIR
    expect_exit 0 iscsiadm -m node
    grep -qx "192.0.2.1:3260,1 $TARGET_NAME" "$WORK/out" || fail "the record in /etc/iscsi is not found"
    expect_no_err
    expect_exit 0 iscsiadm -m node -d 1
    expect_err "iscsiadm -m node -o import copies them to /var/lib/iscsi"
    expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -o update -n node.startup -v automatic
    expect_exit 0 iscsiadm -m node -o import
    grep -qx 'node.startup = automatic' "/var/lib/iscsi/nodes/$TARGET_NAME/192.0.2.1,3260,1/default" ||
        fail "the record was not imported"
    [ -f "/etc/iscsi/nodes/$TARGET_NAME/192.0.2.1,3260,1/default" ] || fail "no link in /etc/iscsi"
    expect_exit 0 iscsiadm -m node -d 1
    grep -q import "$WORK/err" && fail "the hint is given after the import"
    return 0
}

if [ "${1:-}" = inside ]; then
    inside
    exit
fi
"$(dirname "$0")/../support/own-mounts" bash "$0" inside || fail "see above"
