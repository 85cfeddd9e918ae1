#!/usr/bin/env bash
# What large requests of an NBD client have touched goes back to the kernel while the client is there and asks nothing;
# what it writes before and after that, and reads, is right.
. "$(dirname "$0")/../support/functions.sh"
requires_root
requires qemu-io
start_test_target --luns 1 --size 64 --delay 20 # so that many requests are under way
cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/"
echo "iscsid.disk.driver = export" >>"$ISCSI_CONFIG_DIR/iscsid.conf"
start_iscsid
discover
expect_exit 0 iscsiadm -m node -l

resident() { awk '/^RssAnon/ { print $2 }' "/proc/$iscsid_pid/status"; }
before=$(resident)
has_grown_by() { [ $(($(resident) - before)) -ge "$1" ]; }
has_shrunk_to() { [ $(($(resident) - before)) -le "$1" ]; }

# 48 requests of 1 MiB at once, a pause, a few more; then all of them are read.
commands=()
for megabyte in {0..47}; do commands+=(-c "aio_write -q -P $((megabyte + 1)) ${megabyte}M 1M"); done
commands+=(-c aio_flush -c "sleep 7000")
for megabyte in {0..7}; do commands+=(-c "aio_write -q -P $((megabyte + 101)) ${megabyte}M 1M"); done
commands+=(-c aio_flush)
for megabyte in {0..47}; do
    commands+=(-c "read -q -P $((megabyte < 8 ? megabyte + 101 : megabyte + 1)) ${megabyte}M 1M")
done
qemu-io -f raw "${commands[@]}" "nbd+unix:///?socket=$ISCSID_RUNTIME_DIR/nbd/$TARGET_NAME-lun-0.sock" \
    >"$WORK/client" 2>&1 &
client_pid=$!
wait_until 20 has_grown_by 6144 || fail "large requests touch $(($(resident) - before)) kiB only: $(cat "$WORK/client")"
wait_until 20 has_shrunk_to 3072 || fail "an idle client keeps $(($(resident) - before)) kiB"
kill -0 $client_pid || fail "the client has gone: $(cat "$WORK/client")"
wait $client_pid || fail "the client: $(cat "$WORK/client")"
[ ! -s "$WORK/client" ] || fail "the client: $(cat "$WORK/client")"
expect_exit 0 iscsiadm -m node -u
stop_iscsid || fail "iscsid ended with $?"
stop_test_target
