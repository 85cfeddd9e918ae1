#!/usr/bin/env bash
# Two initiators, each an iscsid of its own, at one LUN of tgtd: keys and reservations are what both
# say, and what one has reserved the other cannot write, until it preempts.
. "$(dirname "$0")/../support/functions.sh"
requires_root
requires qemu-io
start_target
add_target 1 "$TARGET_NAME" 32M

# other COMMAND…: with the folders of the second initiator.
other() {
    ISCSI_CONFIG_DIR=$WORK/other/etc ISCSI_DATABASE_DIR=$WORK/other/db \
        ISCSID_RUNTIME_DIR=$WORK/other/run ISCSID_SOCKET=$WORK/other/run/iscsid.sock "$@"
}

# reserve VERB…, other_reserves VERB…: about LUN 1, which ends with CODE.
reserve() { expect_exit "$1" iscsiadm -m session -r 1 --lun 1 --persist "${@:2}"; }
other_reserves() { other expect_exit "$1" iscsiadm -m session -r 1 --lun 1 --persist "${@:2}"; }

# io FOLDER COMMAND: on the server of that daemon.
io() { timeout 20 qemu-io -f raw -c "$2" "nbd+unix:///?socket=$1/nbd/$TARGET_NAME-lun-1.sock" >"$WORK/io" 2>&1; }

cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/"
echo "iscsid.disk.driver = export" >>"$ISCSI_CONFIG_DIR/iscsid.conf"
mkdir -p "$WORK/other/etc" "$WORK/other/db" "$WORK/other/run"
cp "$ISCSI_CONFIG_DIR/iscsid.conf" "$WORK/other/etc/"
echo "InitiatorName=$INITIATOR_NAME:other" >"$WORK/other/etc/initiatorname.iscsi"
start_iscsid
# A function in the background is a shell, whose end is not that of the daemon; exec makes it that.
(other exec iscsid -f -n) >>"$WORK/other.log" 2>&1 &
other_pid=$!
at_end "kill $other_pid 2>/dev/null; wait $other_pid 2>/dev/null"
wait_until 10 other daemon_answers || fail "the second iscsid does not start"
log_in
other log_in
mine=$ISCSID_RUNTIME_DIR theirs=$WORK/other/run

reserve 0 report-capabilities
expect_out "Types: write-exclusive, exclusive-access, write-exclusive-registrants-only"
reserve 0 read-keys
expect_out "PR generation=0x0, there are NO registered reservation keys"
reserve 0 register --new-key 0xa
expect_out "register successful"
other_reserves 0 register-ignore --new-key 0xfffffffffffffffb
reserve 0 read-keys
expect_out "2 registered reservation keys follow:"
expect_out "    0xfffffffffffffffb"
other_reserves 0 register --key 0xfffffffffffffffb --new-key 11

# What one holds the other cannot have, nor write to; it hears an error, and the log says why.
reserve 0 reserve --key 0xa -t write-exclusive
other_reserves 28 reserve --key 0xb -t write-exclusive
expect_err "LUN 1: RESERVATION CONFLICT: key 0xa holds the reservation, write-exclusive"
other_reserves 0 read-reservation
expect_out "    Key=0xa"
expect_out "    scope: LU_SCOPE,  type: write-exclusive"
io "$mine" "write -P 1 0 4k" || fail "the holder cannot write: $(cat "$WORK/io")"
if io "$theirs" "write -P 2 0 4k"; then fail "another initiator writes to what is reserved"; fi
grep -q "WRITE of 8 blocks .*: RESERVATION CONFLICT" "$WORK/other.log" || fail "the log does not say why"
io "$theirs" "read -P 1 0 4k" || fail "the other cannot read what was written: $(cat "$WORK/io")"

# Wrong keys, and a type that is not the one that is held.
reserve 28 release --key 0xc -t write-exclusive
expect_err "key 0xc is not registered; key 0xa holds the reservation"
reserve 28 register --new-key 0xd
expect_err "this initiator has registered a key"
reserve 7 release --key 0xa -t exclusive-access
expect_exit 28 iscsiadm -m session -r 1 --lun 1 --persist clear --key 0xc --json
python3 - "$WORK/out" <<'END' || fail "document: $(cat "$WORK/out")"
import json, sys
document = json.load(open(sys.argv[1]))
(reservation,) = document["persistent_reservations"]
assert document["exit_code"] == reservation["exit_code"] == 28
assert (reservation["lun"], reservation["verb"], reservation["outcome"]) == (1, "clear", "failed")
assert "0xc is not registered" in reservation["detail"]
END

# Preempted, the first one is out.
other_reserves 27 preempt-abort --key 0xb --victim-key 0xa -t write-exclusive # tgt has none
other_reserves 0 preempt --key 0xb --victim-key 0xa -t write-exclusive
other_reserves 0 read-reservation
expect_out "    Key=0xb"
io "$theirs" "write -P 2 0 4k" || fail "who has preempted cannot write: $(cat "$WORK/io")"
if io "$mine" "write -P 1 0 4k"; then fail "who was preempted can write"; fi
reserve 28 reserve --key 0xa -t write-exclusive
expect_err "key 0xa is not registered; key 0xb holds the reservation, write-exclusive"
other_reserves 0 release --key 0xb -t write-exclusive
reserve 0 read-reservation
expect_out "there is NO reservation held"
io "$mine" "write -P 1 0 4k" || fail "no reservation, and no write: $(cat "$WORK/io")"
other_reserves 0 clear --key 11
reserve 0 read-keys
expect_out "there are NO registered reservation keys"
reserve 0 register --new-key 5
reserve 0 unregister --key 0x5

# What is not there, what this target does not know, what cannot be meant.
expect_exit 21 iscsiadm -m session -r 1 --lun 7 --persist read-keys
expect_err "LUN 7: PERSISTENT RESERVE IN: CHECK CONDITION, ILLEGAL REQUEST 25/00 (there is no such LUN)"
reserve 27 read-full-status
reserve 7 resreve
expect_err "can not recognize verb: 'resreve', expected one of read-keys, read-reservation"
reserve 7 reserve --key 0xa
expect_err "--persist reserve needs -t"
reserve 7 reserve --key 0x1ffffffffffffffff -t write-exclusive
expect_err "up to 64 bits, decimal or behind 0x"
reserve 7 reserve --key 1 -t write
expect_err "type of reservation: 'write', expected one of write-exclusive"
expect_exit 7 iscsiadm -m session -r 1 --persist read-keys
expect_exit 22 iscsiadm -m session -r 9 --lun 1 --persist read-keys
other log_out
log_out
