# shellcheck shell=bash
# Packages under systemd, inside the guest. Sourced after tests/support/functions.sh.
# Releases 1 and 2 of ours: tests/support/make-package --stripped $BUILD $BUILD/packages 1 2

. tests/vm/systemd.sh
[ -d "$BUILD/packages" ] || fail "no packages: see the head of tests/vm/dpkg.sh"
export DEBIAN_FRONTEND=noninteractive
rm -f /usr/sbin/policy-rc.d # of a container: services are started here

dpkg_fail() {
    cat "$WORK/dpkg" >&2
    journal_fail "$@"
}

# dpkg_does WORD…: its output is kept in $WORK/dpkg. The index of manual pages takes the emulation a minute.
dpkg_does() { dpkg --no-triggers --force-confold "$@" >"$WORK/dpkg" 2>&1 </dev/null; }

# install_release NUMBER
install_release() {
    local begin=$SECONDS package
    package=$(echo "$BUILD"/packages/iscsi-userland_*-"$1"_*.deb)
    dpkg_does --install "$package" || dpkg_fail "installation of release $1"
    echo "release $1 is installed after $((SECONDS - begin)) s"
    [ "$(dpkg-query -W -f '${Version}' iscsi-userland)" = "$(dpkg-deb --field "$package" Version)" ] ||
        fail "$(dpkg-query -W iscsi-userland)"
}
