#!/usr/bin/env bash
# The Debian package: lintian has nothing to say, programs are stripped and their symbols are found beside
# them, what people change is kept by dpkg. An installation without a package keeps it, too.
. tests/support/functions.sh
requires cpack dpkg-deb dpkg-shlibdeps lintian objcopy file

make_it() {
    tests/support/make-package "$BUILD" "$WORK/packages" 1 >"$WORK/cpack" 2>&1 || fail "cpack: $(cat "$WORK/cpack")"
    package=$(echo "$WORK"/packages/iscsi-userland_*.deb)
    symbols=$(echo "$WORK"/packages/iscsi-userland-dbgsym_*.ddeb)
    dpkg-deb --extract "$package" "$WORK/tree" && dpkg-deb --control "$package" "$WORK/control" &&
        dpkg-deb --extract "$symbols" "$WORK/symbols" || fail "it cannot be extracted"
}

# The dev build is not hardened: only what is more than a note counts.
expect_lintian_is_silent() {
    lintian --allow-root --tag-display-limit 0 --display-level '>=warning' \
        --suppress-tags uses-no-compression-for-data-tarball "$package" >"$WORK/lintian" 2>&1 ||
        fail "lintian: $(cat "$WORK/lintian")"
    [ ! -s "$WORK/lintian" ] || fail "lintian: $(cat "$WORK/lintian")"
}

expect_no_symbols_but_beside() {
    local program id
    for program in usr/sbin/iscsid usr/sbin/iscsiadm usr/sbin/iscsi-iname usr/libexec/iscsi-userland/iscsid-disk-helper; do
        ! file "$WORK/tree/$program" | grep -q 'not stripped' || fail "$program has symbols"
        id=$(LC_ALL=C readelf -n "$WORK/tree/$program" | sed -n 's/.*Build ID: \(..\)/\1\//p')
        file "$WORK/symbols/usr/lib/debug/.build-id/$id.debug" | grep -q 'debug_info, not stripped' ||
            fail "$program has no symbols in $symbols ($id)"
    done
    # As `dpkg --verify` would.
    (cd "$WORK/symbols" && dpkg-deb --info "$symbols" md5sums | md5sum --quiet -c) || fail "sums of $symbols"
}

field() { dpkg-deb --field "$package" "$1"; }

expect_it_takes_the_place_of_open_iscsi() {
    local version
    [ "$(field Conflicts)" = open-iscsi ] || fail "Conflicts: $(field Conflicts)"
    # With it dpkg unpacks before it removes, and takes files at /lib for others than those at /usr/lib.
    [ -z "$(field Replaces)" ] || fail "Replaces: $(field Replaces)"
    version=$(field Provides | sed -n 's/^open-iscsi (= \(.*\))$/\1/p')
    dpkg --compare-versions "$version" ge 2.1.8-1 || fail "Provides: $(field Provides)"
    field Depends | grep -q 'libssl3.*libsystemd0' || fail "Depends: $(field Depends)"
}

expect_changed_files_are_kept() {
    [ "$(cat "$WORK/control/conffiles")" = "$(cd "$WORK/tree" && find etc -type f -printf '/%p\n' | sort)" ] ||
        fail "conffiles: $(cat "$WORK/control/conffiles")"
    [ "$(stat -c %a "$WORK/tree/etc/iscsi/iscsid.conf" "$WORK/tree/var/lib/iscsi" | xargs)" = "600 700" ] ||
        fail "modes of iscsid.conf and the records"
    [ -z "$(find "$WORK/tree/etc/iscsi" -type l)" ] || fail "links belong to postinst"
    export DESTDIR=$WORK/plain
    cmake --install "$BUILD" --prefix /usr >/dev/null || fail "install"
    [ "$(stat -c %a "$DESTDIR/etc/iscsi/iscsid.conf")" = 600 ] || fail "mode of a plain iscsid.conf"
    echo "iscsid.lanes = 3" >"$DESTDIR/etc/iscsi/iscsid.conf"
    cmake --install "$BUILD" --prefix /usr >"$WORK/out" || fail "second install"
    [ "$(cat "$DESTDIR/etc/iscsi/iscsid.conf")" = "iscsid.lanes = 3" ] || fail "iscsid.conf was written over"
    expect_out "Kept: $DESTDIR/etc/iscsi/iscsid.conf"
    [ "$(stat -c %a "$DESTDIR/etc/multipath/conf.d/iscsi-userland.conf")" = 644 ] || fail "mode of the drop-in"
}

make_it
expect_lintian_is_silent
expect_no_symbols_but_beside
expect_it_takes_the_place_of_open_iscsi
expect_changed_files_are_kept
echo "the package is clean"
