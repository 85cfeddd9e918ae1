# shellcheck shell=bash
# Packages under systemd, inside the guest. Sourced after tests/support/functions.sh.
# Releases 1 and 2 of ours: tests/support/make-package --stripped $BUILD $BUILD/packages 1 2

if [ "$(cat /proc/1/comm)" != systemd ] || ! mountpoint -q /vm; then skip "needs tests/vm/run --systemd"; fi
[ -d "$BUILD/packages" ] || fail "no packages: see the head of tests/vm/dpkg.sh"
# From here on the programs and folders are the installed ones.
unset ISCSI_CONFIG_DIR ISCSI_DATABASE_DIR ISCSID_RUNTIME_DIR ISCSID_SOCKET
export PATH=/usr/sbin:/usr/bin SYSTEMD_PAGER='' SYSTEMD_COLORS=0 DEBIAN_FRONTEND=noninteractive
rm -f /usr/sbin/policy-rc.d # of a container: services are started here

journal_fail() {
    journalctl -b --no-pager -o short-monotonic -u iscsid -u iscsi -u iscsid.socket | tail -n 60 >&2
    cat "$WORK/dpkg" >&2
    fail "$@"
}

main_pid() { systemctl show -p MainPID --value iscsid.service; }

# dpkg_does WORD…: its output is kept in $WORK/dpkg. The index of manual pages takes the emulation a minute.
dpkg_does() { dpkg --no-triggers --force-confold "$@" >"$WORK/dpkg" 2>&1 </dev/null; }

# install_release NUMBER
install_release() {
    local begin=$SECONDS package
    package=$(echo "$BUILD"/packages/iscsi-userland_*-"$1"_*.deb)
    dpkg_does --install "$package" || journal_fail "installation of release $1"
    echo "release $1 is installed after $((SECONDS - begin)) s"
    [ "$(dpkg-query -W -f '${Version}' iscsi-userland)" = "$(dpkg-deb --field "$package" Version)" ] ||
        fail "$(dpkg-query -W iscsi-userland)"
}
