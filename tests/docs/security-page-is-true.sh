#!/usr/bin/env bash
# Every test that iscsid-security(7) names is there, and it tells of each capability of the unit and of no
# other. Usage: security-page-is-true.sh [TREE]
set -eu
cd "${1:-$(dirname "$0")/../..}"
page=man/iscsid-security.7 unit=etc/systemd/iscsid.service.in
status=0
paths=$(grep -oE '^\.Pa tests/[^ ]+' "$page" | sed 's/^\.Pa //' | sort -u)
[ "$(wc -l <<<"$paths")" -ge 10 ] || { echo "$page names hardly a test"; status=1; }
for path in $paths; do
    [ -e "$path" ] || { echo "$page: there is no $path"; status=1; }
done
capabilities() { grep -oE 'CAP_[A-Z_]+' | sort -u; }
in_page=$(sed -n '/^\.Ss Capabilities/,/^\.Ss System calls/p' "$page" | grep '^\.It' | capabilities)
in_unit=$(grep '^CapabilityBoundingSet=' "$unit" | capabilities)
diff <(echo "$in_unit") <(echo "$in_page") || { echo "$unit (<) and $page (>) differ"; status=1; }
exit $status
