#!/usr/bin/env bash
# The CHAP secrets of a session are nowhere in the daemon's heap when it is logged out: not in the record
# or file that was read, the plan of the session, the login, or the frame of a coroutine. As long as the session
# is up they are, for it may have to log in again.
. "$(dirname "$0")/../support/functions.sh"
requires_root
requires tgtadm
start_target
add_target 1 "$TARGET_NAME" 8M
secret=SecretOfThisTestOnly0123456789
tgtadm --lld iscsi --op new --mode account --user me --password "$secret" || fail "no account"
tgtadm --lld iscsi --op bind --mode account --tid 1 --user me || fail "no CHAP"
cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/"
echo "iscsid.disk.driver = none" >>"$ISCSI_CONFIG_DIR/iscsid.conf"
start_iscsid
discover
for setting in authmethod=CHAP username=me "password=$secret"; do
    expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -o update -n "node.session.auth.${setting%%=*}" -v "${setting#*=}"
done

# How often the secret is in memory that the daemon may write to.
copies() {
    local from to rights count=0
    while read -r from to rights; do
        [[ $rights == rw* ]] || continue
        count=$((count + $(dd if="/proc/$iscsid_pid/mem" bs=4096 skip=$((16#$from / 4096)) \
            count=$(((16#$to - 16#$from) / 4096)) 2>/dev/null | grep -acF "$secret")))
    done < <(sed -n 's/^\([0-9a-f]*\)-\([0-9a-f]*\) \(....\) [0-9a-f]* 00:00 .*/\1 \2 \3/p' "/proc/$iscsid_pid/maps" |
        awk '{ if (length($1) <= 12) print }')
    echo "$count"
}
log_in_and_look() {
    for _ in 1 2 3; do
        expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -l
        [ "$(copies)" -gt 0 ] || fail "the test does not see the secret of a session that is up"
        expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -u
    done
    [ "$(copies)" -eq 0 ] || fail "$(copies) places still hold the secret $1"
}
log_in_and_look "of the record"
(umask 077 && printf '%s\n' "$secret" >"$WORK/secret")
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -o update -n node.session.auth.password -v ''
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -o update -n node.session.auth.password_file -v "$WORK/secret"
log_in_and_look "of the file"
