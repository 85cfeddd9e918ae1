#!/usr/bin/env bash
# Names that would hurt a path, a line or a memory are refused by name, a line each on stderr; the others
# are discovered, whatever stands between them.
. "$(dirname "$0")/../support/functions.sh"
long=iqn.2026-01.org.example:$(printf 'x%.0s' $(seq 300))
{
    printf 'TargetName=%s\nTargetAddress=127.0.0.1:3260,1\n' \
        iqn.2026-01.org.example:good 'iqn.2026-01.org.example:a/b' '../../etc/passwd' \
        $'iqn.2026-01.org.example:bell\a' "$long" 'iqn.2026-01.org.example:a,comma' \
        wwn.2026-01.org.example:prefix IQN.2026-01.ORG.EXAMPLE:CAPITALS
    printf 'TargetName=iqn.2026-01.org.example:both\n'
    printf 'TargetAddress=%s\n' 'no host:3260,1' '[fe80::1%%eth0]:3260,1' 10.0.0.7:3260,2 10.0.0.8:99999,1 \
        10.0.0.9:3260,70000 2001:db8::9:3260,3 0.0.0.0:860,4
    for number in $(seq 2000); do
        printf 'TargetName=iqn.2026-01.org.example:n%s\nTargetAddress=127.0.0.1:3260,1\n' "$number"
    done
} >"$WORK/answer"
start_test_target --send-targets "$WORK/answer"
start_iscsid
expect_exit 0 iscsiadm -m discovery -t st -p "$PORTAL"
expect_out "127.0.0.1:3260,1 iqn.2026-01.org.example:good"
expect_out "10.0.0.7:3260,2 iqn.2026-01.org.example:both"
expect_out "[2001:db8::9]:3260,3 iqn.2026-01.org.example:both"
expect_out "127.0.0.1:860,4 iqn.2026-01.org.example:both"
expect_out "127.0.0.1:3260,1 IQN.2026-01.ORG.EXAMPLE:CAPITALS"
expect_out "127.0.0.1:3260,1 iqn.2026-01.org.example:n2000"
for bad in 'a/b' passwd bell xxx 99999 'no host' a,comma prefix 70000; do
    ! grep -qF "$bad" "$WORK/out" || fail "$bad was taken"
    [ "$(grep -cF "$bad" "$WORK/err")" -eq 1 ] || fail "$bad is not named as refused, once"
    grep -F "$bad" "$WORK/err" | grep -q "left out: .*, expected " || fail "$bad: no reason"
done
[ "$(find "$ISCSI_DATABASE_DIR/nodes" -mindepth 1 -maxdepth 1 | wc -l)" -eq 2003 ] ||
    fail "not 2003 targets in the database"
[ -z "$(find "$ISCSI_DATABASE_DIR" -name passwd)" ] || fail "a path was left"
stop_test_target
