#!/usr/bin/env bash
# Every option that --help prints is in the manual page, and the reverse.
set -eu
cd "$(dirname "$0")/../.."
status=0

# Long options without their dashes, sorted.
of_help() { "$1" --help | grep -oE -- '--[a-z][a-z_-]+' | sed 's/^--//' | sort -u; }
of_page() {
    sed -n 's/^\.It Fl .*/&/p' "$1" | grep -oE -- 'Fl Fl [a-z][a-z_-]+' | sed 's/^Fl Fl //' | sort -u
}

compare() {
    local program=$1 page=$2 difference
    of_help "$program" >"$work/help"
    of_page "$page" >"$work/page"
    [ -s "$work/help" ] && [ -s "$work/page" ] || { echo "$page: no options found"; status=1; }
    difference=$(diff "$work/help" "$work/page" || true)
    [ -z "$difference" ] || {
        printf '%s: options differ (< --help, > page)\n%s\n' "$page" "$difference"
        status=1
    }
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compare "$BUILD/iscsiadm/iscsiadm" man/iscsiadm.8
compare "$BUILD/iscsid/iscsid" man/iscsid.8
compare "$BUILD/iscsiadm/iscsi-iname" man/iscsi-iname.8
exit $status
