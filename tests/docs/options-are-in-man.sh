#!/usr/bin/env bash
# Every option that --help prints, with its letter, and every environment variable that the code reads
# is in the manual page, and the reverse.
set -eu
cd "$(dirname "$0")/../.."
status=0

# "m mode", or " database" without a letter.
of_help() { "$1" --help | sed -nE 's/^ +(-([A-Za-z]), *)?--([a-z][a-z_-]+).*/\2 \3/p'; }
of_page() { sed -nE 's/^\.It Fl (([A-Za-z]) , Fl )?Fl ([a-z][a-z_-]+).*/\2 \3/p' "$1"; }

# The functions that the environment is read with; ISCSI_USERLAND is a property of udev.
read_by() {
    grep -rhoE '(getenv|from_environment)\("ISCSI[A-Z_]+"' --include='*.cpp' libiscsi "$1" |
        grep -oE 'ISCSI[A-Z_]+'
}
told_in() { sed -nE '/^\.Sh ENVIRONMENT/,/^\.Sh FILES/s/^\.It Ev ([A-Z_]+)$/\1/p' "$1"; }

# compare PAGE WHAT PROGRAM'S PAGE'S: lists with a line for each.
compare() {
    local difference
    [ -n "$3" ] && [ -n "$4" ] || { echo "$1: no $2 found"; status=1; }
    difference=$(diff <(sort -u <<<"$3") <(sort -u <<<"$4") || true)
    [ -z "$difference" ] || {
        printf '%s: %s differ (< program, > page)\n%s\n' "$1" "$2" "$difference"
        status=1
    }
}

compare_page() { compare "$2" options "$(of_help "$1")" "$(of_page "$2")"; }

compare_page "$BUILD/iscsiadm/iscsiadm" man/iscsiadm.8
compare_page "$BUILD/iscsid/iscsid" man/iscsid.8
compare_page "$BUILD/iscsiadm/iscsi-iname" man/iscsi-iname.8
compare_page "$BUILD/iscsiadm/iscsistart" man/iscsistart.8
for program in iscsiadm iscsid; do
    compare man/$program.8 variables "$(read_by $program)" "$(told_in man/$program.8)"
done
exit $status
