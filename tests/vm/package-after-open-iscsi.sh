#!/usr/bin/env bash
# The package in the place of Debian's open-iscsi: its name, settings and records are used, its units are
# ours. An upgrade leaves a daemon alone whose disks would end with it. Usage: run --systemd package-after-open-iscsi.sh
# $BUILD/packages: as package.sh; $BUILD/open-iscsi: Debian's packages (fetch_packages in tests/support/packages.sh).
. tests/support/functions.sh
. tests/vm/lio.sh
. tests/vm/dpkg.sh
name=/etc/iscsi/initiatorname.iscsi

status_of() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null; }

# With a record and a setting.
install_open_iscsi() {
    dpkg_does --install "$BUILD"/open-iscsi/*.deb || fail "open-iscsi: $(cat "$WORK/dpkg")"
    expect_exit 0 iscsiadm -m node -o new -T "$TARGET_NAME" -p "$PORTAL,1"
    expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -o update -n node.startup -v automatic
    sed -i 's/^node.session.timeo.replacement_timeout = .*/node.session.timeo.replacement_timeout = 77/' /etc/iscsi/iscsid.conf
    [ -L /etc/systemd/system/iscsi.service ] || fail "open-iscsi has no alias iscsi.service: $(ls /etc/systemd/system)"
    cp $name "$WORK/name"
}

# apt removes what conflicts before it unpacks; dpkg alone refuses.
replace_it() {
    local package
    package=$(echo "$BUILD"/packages/iscsi-userland_*-1_*.deb)
    ! dpkg_does --install "$package" || fail "dpkg installs both"
    [ "$(status_of open-iscsi)" = installed ] || fail "open-iscsi is $(status_of open-iscsi)"
    apt-get -y --no-install-recommends -o Dpkg::Options::=--no-triggers -o Dpkg::Options::=--force-confold \
        -o Dpkg::Use-Pty=0 install "$package" >"$WORK/dpkg" 2>&1 </dev/null || dpkg_fail "apt-get"
}

expect_ours_in_its_place() {
    [ "$(status_of open-iscsi)" = config-files ] || fail "open-iscsi is $(status_of open-iscsi)"
    grep -q "do not purge open-iscsi" "$WORK/dpkg" || fail "no word of a purge: $(cat "$WORK/dpkg")"
    cmp $name "$WORK/name" || fail "another initiator name"
    grep -q 'replacement_timeout = 77' /etc/iscsi/iscsid.conf || fail "settings are lost"
    [ "$(systemctl is-enabled iscsid.socket iscsi.service open-iscsi.service | xargs)" = "enabled enabled alias" ] ||
        fail "$(systemctl is-enabled iscsid.socket iscsi.service open-iscsi.service 2>&1 | xargs)"
    systemctl cat iscsi.service | grep -q -- --keep-trying || fail "another iscsi.service: $(systemctl cat iscsi.service)"
    systemctl -q is-active iscsi.service || dpkg_fail "iscsi.service"
    wait_until 20 test -L "$link" || dpkg_fail "no login by the record of open-iscsi"
}

# A disk of FUSE that systemd does not keep ends with its daemon.
upgrade_beside_fuse() {
    local pid node
    expect_exit 0 iscsiadm -m node -u
    echo "iscsid.disk.driver = fuse" >>/etc/iscsi/iscsid.conf
    mkdir -p /run/systemd/system/iscsid.service.d
    printf '[Service]\nFileDescriptorStoreMax=0\n' >/run/systemd/system/iscsid.service.d/unkept.conf
    systemctl daemon-reload
    systemctl restart iscsid.service && expect_exit 0 iscsiadm -m node -l
    wait_until 10 test -L "$link" || dpkg_fail "no $link"
    node=$(readlink -f "$link") pid=$(main_pid)
    [[ $node == /dev/loop* ]] || fail "the disk is $node"
    install_release 2
    grep -q "iscsid runs on as it was.*fuse" "$WORK/dpkg" || fail "no word of the old daemon: $(cat "$WORK/dpkg")"
    [ "$(main_pid)" = "$pid" ] || dpkg_fail "the daemon was restarted"
    dd if="$node" of=/dev/null bs=1M count=1 status=none || fail "the disk has ended"
    expect_exit 0 iscsiadm -m node -u
}

# The name is open-iscsi's file, too.
purge_ours() {
    dpkg_does --purge iscsi-userland || dpkg_fail "purge"
    cmp $name "$WORK/name" || fail "open-iscsi has lost its initiator name"
    [ -d "/etc/iscsi/nodes/$TARGET_NAME" ] || fail "open-iscsi has lost its record"
}

[ -e "$BUILD/open-iscsi" ] || skip "Debian's open-iscsi is not there"
start_lio
lio_disk d0 64M
lio_map d0 0
install_open_iscsi
replace_it
expect_ours_in_its_place
upgrade_beside_fuse
purge_ours
echo "open-iscsi is replaced"
