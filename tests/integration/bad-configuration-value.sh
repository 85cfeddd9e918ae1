#!/usr/bin/env bash
# Flaws of iscsid.conf and initiatorname.iscsi, one of each kind: the daemon starts with all of them
# and says each once, with file, line and what is used; discovery and new records go on.
. "$(dirname "$0")/../support/functions.sh"
start_iscsid
stop_iscsid
name=$(sed -n 's/^InitiatorName=//p' "$ISCSI_CONFIG_DIR/initiatorname.iscsi")
printf '\xef\xbb\xbfInitiatorname=%s' "$name" >"$ISCSI_CONFIG_DIR/initiatorname.iscsi"
conf=$ISCSI_CONFIG_DIR/iscsid.conf
lines=('node.startup = automatic # boot' 'node.session.cmds_max = 4096' 'a line that is none'
    'node.session.iscsi.ImmediateData = no' 'node.session.auth.chap_algs = SHA512,SHA256'
    'iscsid.replay_barrier = perhaps')
first=$(($(wc -l <"$conf") + 1))
printf '%s\n' "${lines[@]}" >>"$conf"
printf 'node.session.queue_depth = 7' >>"$conf"
start_iscsid
for ((i = 0; i <= ${#lines[@]}; i++)); do
    [ "$(grep -cF "$conf:$((first + i)): " "$WORK/iscsid.log")" -eq 1 ] ||
        fail "one warning for line $((first + i)) expected"
done
grep -qF "taken, but open-iscsi reads it only as InitiatorName" "$WORK/iscsid.log" ||
    fail "nothing about the letter case of InitiatorName"

expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p 127.0.0.1:3260,1 -o new
expect_err "$conf:$((first + 1)): node.session.cmds_max: out of range, got 4096"
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p 127.0.0.1
for line in 'node.startup = automatic' 'node.session.cmds_max = 2048' \
    'node.session.iscsi.ImmediateData = No' 'node.session.auth.chap_algs = SHA256' \
    'node.session.queue_depth = 7'; do
    expect_out "$line"
done

# A name that is to be made is made once.
stop_iscsid
echo 'GenerateName=yes' >"$ISCSI_CONFIG_DIR/initiatorname.iscsi"
start_iscsid
made=$(grep -x 'InitiatorName=iqn\..*' "$ISCSI_CONFIG_DIR/initiatorname.iscsi") || fail "no name was made"
stop_iscsid
start_iscsid
grep -qxF "$made" "$ISCSI_CONFIG_DIR/initiatorname.iscsi" || fail "the name was made again"
