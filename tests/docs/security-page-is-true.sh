#!/usr/bin/env bash
# Every test that iscsid-security(7) and iscsid-containers(7) name is there, and the former tells of each
# capability of the unit and of no other. Usage: security-page-is-true.sh [TREE]
set -eu
cd "${1:-$(dirname "$0")/../..}"
page=man/iscsid-security.7 unit=etc/systemd/iscsid.service.in
status=0
paths=$(grep -hoE '\.?Pa (tests|etc/container)/[^ ]+' "$page" man/iscsid-containers.7 | sed 's/^\.*Pa //' | sort -u)
[ "$(wc -l <<<"$paths")" -ge 15 ] || { echo "the pages name hardly a test"; status=1; }
for path in $paths; do
    [ -e "$path" ] || { echo "there is no $path"; status=1; }
done
capabilities() { grep -oE 'CAP_[A-Z_]+' | sort -u; }
in_page=$(sed -n '/^\.Ss Capabilities/,/^\.Ss System calls/p' "$page" | grep '^\.It' | capabilities)
in_unit=$(grep '^CapabilityBoundingSet=' "$unit" | capabilities)
diff <(echo "$in_unit") <(echo "$in_page") || { echo "$unit (<) and $page (>) differ"; status=1; }
exit $status
