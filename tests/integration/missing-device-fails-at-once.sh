#!/usr/bin/env bash
# A network device or a zone that does not exist will not come by waiting: exit code 4 at once, named.
. "$(dirname "$0")/../support/functions.sh"
start_test_target
start_iscsid
expect_exit 0 iscsiadm -m iface -I other -o new
expect_exit 0 iscsiadm -m iface -I other -o update -n iface.net_ifacename -v nosuch0
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL,1" -I other -o new
expect_exit 0 iscsiadm -m iface -I card -o new
expect_exit 0 iscsiadm -m iface -I card -o update -n iface.hwaddress -v 02:00:00:00:00:77
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p "$PORTAL,1" -I card -o new
expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p "[fe80::1%nosuch0]:3260,1" -o new

# fails NAME ARGUMENT…: with 4, long before the 15 s of the first login_timeout, naming what is missing.
fails() {
    local name=$1
    shift
    expect_exit 4 timeout 10 iscsiadm "$@"
    expect_err "$name"
}
fails nosuch0 -m discovery -t st -p "$PORTAL" -I other
expect_err "cannot make connection to 127.0.0.1: "
fails nosuch0 -m discovery -t st -p "fe80::1%nosuch0"
# By the interfaces that there are, the others find what they find; by name, the missing one is missed.
expect_exit 0 iscsiadm -m iface -I plain -o new
expect_exit 0 iscsiadm -m discovery -t st -p "$PORTAL"
expect_out "$PORTAL,1 $TARGET_NAME"
expect_err nosuch0
expect_exit 4 iscsiadm -m discovery -t st -p "$PORTAL" -I plain -I other
expect_out "$PORTAL,1 $TARGET_NAME"
expect_err nosuch0
fails "needs a zone" -m discovery -t st -p fe80::1 -I default
fails 02:00:00:00:00:77 -m discovery -t st -p "$PORTAL" -I card
fails nosuch0 -m node -T "$TARGET_NAME" -p "$PORTAL" -I other -l
fails nosuch0 -m node -T "$TARGET_NAME" -p "[fe80::1%nosuch0]:3260" -l
fails 02:00:00:00:00:77 -m node -T "$TARGET_NAME" -p "$PORTAL" -I card -l
expect_exit 21 iscsiadm -m session
stop_test_target
