#!/usr/bin/env bash
# systemd-analyze accepts the units, and the programs they start are the ones that are installed.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
DESTDIR=$work/root cmake --install "$BUILD" >/dev/null
units=$work/root/usr/lib/systemd/system
for program in $(sed -nE 's/^Exec(Start|Stop)=-?(\/usr\/[^ ]+).*/\2/p' "$units"/*.service); do
    [ -x "$work/root$program" ] || { echo "$program is not installed"; exit 1; }
done
mkdir "$work/units"
for unit in "$units"/*; do
    sed -E -e "s,/usr/(sbin|lib/open-iscsi)/,$work/root&,g" \
        -e "s,/run/initramfs/iscsid/usr/,$work/root/usr/,g" "$unit" >"$work/units/$(basename "$unit")"
done
SYSTEMD_UNIT_PATH=$work/units: systemd-analyze verify --man=no "$work"/units/*
# With what users may add.
mkdir "$work/units/iscsid.service.d"
cp "$work/root/usr/share/iscsi-userland/systemd/iscsid-strict.conf" "$work/units/iscsid.service.d/"
complaints=$(SYSTEMD_UNIT_PATH=$work/units: systemd-analyze verify --man=no "$work/units/iscsid.service" 2>&1) &&
    [ -z "$complaints" ] || { echo "with iscsid-strict.conf: $complaints"; exit 1; }
