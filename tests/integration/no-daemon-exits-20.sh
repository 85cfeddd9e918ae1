#!/usr/bin/env bash
# Without a daemon: the words of open-iscsi and exit code 20, at once.
. "$(dirname "$0")/../support/functions.sh"
echo "InitiatorName=$INITIATOR_NAME" >"$ISCSI_CONFIG_DIR/initiatorname.iscsi"
expect_exit 20 timeout 20 iscsiadm -m discovery -t st -p 127.0.0.1:3260
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p 127.0.0.1:3260,1 -o new
expect_exit 20 timeout 20 iscsiadm -m node -l
expect_err "iscsid is not running."
