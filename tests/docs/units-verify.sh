#!/usr/bin/env bash
# systemd-analyze accepts the units, and the programs they start are the ones that are installed.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
DESTDIR=$work/root cmake --install "$BUILD" >/dev/null
units=$work/root/usr/lib/systemd/system
for program in $(sed -nE 's/^Exec(Start|Stop)=-?(\/usr\/[^ ]+).*/\2/p' "$units"/*.service) \
    $(grep -oE '/usr/[^ ]*iscsi-iname' "$units"/*.service | sed 's/.*://'); do
    [ -x "$work/root$program" ] || { echo "$program is not installed"; exit 1; }
done
mkdir "$work/units"
for unit in "$units"/*; do
    sed -E "s,/usr/(sbin|lib/open-iscsi)/,$work/root&,g" "$unit" >"$work/units/$(basename "$unit")"
done
SYSTEMD_UNIT_PATH=$work/units: systemd-analyze verify --man=no "$work"/units/*
