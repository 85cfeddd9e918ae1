#!/usr/bin/env bash
# As containers have it: two daemons, each in a network namespace with a target of its own at the same
# address and port, with folders of their own. Each gets its own data, names of disks do not clash, one that
# is killed and comes back does not disturb the other. Then two clones: one initiator name, one target,
# databases of their own; neither ends the other's session.
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires unshare nsenter tgtd tgtadm
unshare --net true 2>/dev/null || skip "needs network namespaces"

declare -A network pid
# join NUMBER COMMAND…: becomes that command there, with the folders of that side.
join() {
    local side=$WORK/$1 holder=${network[$1]}
    shift
    exec env ISCSI_CONFIG_DIR="$side/etc" ISCSI_DATABASE_DIR="$side/db" ISCSID_RUNTIME_DIR="$side/run" \
        ISCSID_SOCKET="$side/run/iscsid.sock" TGT_IPC_SOCKET="$side/tgtd.sock" nsenter -t "$holder" -n "$@"
}

in_network() { (join "$@"); }

# add_network NUMBER: a network namespace that lives as long as its holder.
add_network() {
    unshare --net sleep infinity &
    network[$1]=$!
    at_end "kill ${network[$1]} 2>/dev/null; wait ${network[$1]} 2>/dev/null"
    wait_until 10 eval "[ \"\$(readlink /proc/${network[$1]}/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]" ||
        fail "no network namespace"
    mkdir -p "$WORK/$1"/{etc,db,run}
    in_network "$1" ip link set lo up || fail "no loopback"
}

add_target_in() { # NUMBER
    join "$1" tgtd -f --iscsi portal=127.0.0.1:3260 >>"$WORK/tgtd.log" 2>&1 &
    local tgtd=$!
    at_end "kill -9 $tgtd 2>/dev/null; wait $tgtd 2>/dev/null"
    wait_until 10 in_network "$1" tgtadm --lld iscsi --op show --mode sys || fail "no target: $(cat "$WORK/tgtd.log")"
    truncate -s 32M "$WORK/$1/lun"
    in_network "$1" tgtadm --lld iscsi --op new --mode target --tid 1 -T "$TARGET_NAME" &&
        in_network "$1" tgtadm --lld iscsi --op new --mode logicalunit --tid 1 --lun 1 -b "$WORK/$1/lun" &&
        in_network "$1" tgtadm --lld iscsi --op bind --mode target --tid 1 -I ALL || fail "no LUN"
}

answers() { ! in_network "$1" iscsiadm -d 1 -m session 2>&1 | grep -q "iscsid is not running"; }
start_in() { # NUMBER
    echo "InitiatorName=$INITIATOR_NAME" >"$WORK/$1/etc/initiatorname.iscsi"
    [ -e "$WORK/$1/etc/iscsid.conf" ] || cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$WORK/$1/etc/"
    join "$1" iscsid -f -n >>"$WORK/$1/log" 2>&1 &
    pid[$1]=$!
    at_end "kill ${pid[$1]} 2>/dev/null; wait ${pid[$1]} 2>/dev/null"
    wait_until 10 answers "$1" || fail "iscsid $1 does not start: $(cat "$WORK/$1/log")"
}

disk_of() { in_network "$1" iscsiadm -m session -P 3 | sed -n 's|.*Attached scsi disk \([^ \t]*\).*|/dev/\1|p'; }
log_in_to() { # NUMBER
    expect_exit 0 in_network "$1" iscsiadm -m discovery -t st -p 127.0.0.1
    expect_exit 0 in_network "$1" iscsiadm -m node -l
    expect_no_err
}
write_to() { # NUMBER WORDS
    printf '%s' "$2" | dd of="$(disk_of "$1")" bs=4k count=1 conv=sync,fsync oflag=direct iflag=fullblock status=none ||
        fail "no write to the disk of $1"
    [ "$(head -c ${#2} "$WORK/$1/lun")" = "$2" ] || fail "'$2' is not at the target of $1"
}

for side in 1 2; do
    add_network $side
    add_target_in $side
    start_in $side
    log_in_to $side
done
[ "$(disk_of 1)" != "$(disk_of 2)" ] && [ -b "$(disk_of 1)" ] && [ -b "$(disk_of 2)" ] ||
    fail "disks: '$(disk_of 1)' and '$(disk_of 2)'"
write_to 1 "of the first"
write_to 2 "of the second"

# One dies and comes back; the other writes on.
of_two=$(disk_of 2)
dd if=/dev/urandom of="$of_two" bs=64k count=512 oflag=direct status=none 2>"$WORK/dd" &
writer=$!
kill -9 "${pid[1]}"
wait "${pid[1]}" 2>/dev/null
start_in 1
log_in_to 1
write_to 1 "of the first again"
wait $writer || fail "the other was disturbed: $(cat "$WORK/dd")"
[ "$(disk_of 2)" = "$of_two" ] && [ "$(disk_of 1)" != "$of_two" ] || fail "names: '$(disk_of 1)' and '$(disk_of 2)'"
write_to 2 "of the second again"
! grep -E "recovery|connection lost|closed" "$WORK/2/log" || fail "the other has lost its connection"
for side in 1 2; do
    expect_exit 0 in_network $side iscsiadm -m node -u
    kill "${pid[$side]}"
    wait "${pid[$side]}" || fail "iscsid $side ended with $?"
done

# Clones: the second one in the network of the first, at a target that ends the older of two sessions with
# one name and ISID, as RFC 7143 §6.3.5 has it (tgtd does not).
clone=$TARGET_NAME-of-clones
network[3]=${network[1]}
mkdir -p "$WORK/3"/{etc,db,run}
join 1 "$BUILD/tests/support/test-target" --port-file "$WORK/port" --name "$clone" 2>"$WORK/test-target.log" &
test_target=$!
at_end "kill $test_target 2>/dev/null; wait $test_target 2>/dev/null"
wait_until 10 test -s "$WORK/port" || fail "test-target: $(cat "$WORK/test-target.log")"
for side in 1 3; do
    sed 's/^#* *iscsid.disk.driver = .*/iscsid.disk.driver = none/' "$(dirname "$0")/../../etc/iscsi/iscsid.conf" >"$WORK/$side/etc/iscsid.conf"
    echo "node.session.iscsi.DefaultTime2Wait = 0" >>"$WORK/$side/etc/iscsid.conf"
    : >"$WORK/$side/log"
    start_in $side
    expect_exit 0 in_network $side iscsiadm -m discovery -t st -p "127.0.0.1:$(cat "$WORK/port")"
    expect_exit 0 in_network $side iscsiadm -m node -T "$clone" -l
done
for side in 1 3; do
    expect_exit 0 in_network $side iscsiadm -m session -R
    ! grep -E "trying again|again and again" "$WORK/$side/log" || fail "a clone has ended the session of $side"
done

# The same name and ISID, as of databases from before there were seeds: it is said what that is.
for side in 1 3; do
    kill "${pid[$side]}"
    wait "${pid[$side]}"
    rm "$WORK/$side/db/.isid-seed"
    start_in $side
    expect_exit 0 in_network $side iscsiadm -m node -T "$clone" -l
done
is_told() { cat "$WORK"/[13]/log | grep -q "logs in as $INITIATOR_NAME too, and each ends the session of the other: give each its own InitiatorName"; }
wait_until 60 is_told || fail "it is not said that the name is shared: $(tail -n 5 "$WORK"/[13]/log)"
for side in 1 3; do
    [ "$(grep -c "again and again" "$WORK/$side/log")" -le 1 ] || fail "it is said more than once"
    [ ! -e "$WORK/$side/db/.isid-seed" ] || fail "a database with records has got a seed"
    kill "${pid[$side]}"
    wait "${pid[$side]}"
done
