#!/usr/bin/env bash
# Every row of the settings table is in iscsid.conf(5) with its default, and the reverse.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$BUILD/tests/docs/list-settings" | sort -u >"$work/table"
sed -nE 's/^\.It (Cm|Va|Sy) ("?)([a-z]+\.[^ "]+).*/\3/p' man/iscsid.conf.5 | sort -u >"$work/page"
diff "$work/table" "$work/page" || {
    echo "the table (<) and man/iscsid.conf.5 (>) differ"
    exit 1
}
