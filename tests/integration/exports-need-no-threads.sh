#!/usr/bin/env bash
# LUNs as NBD exports by the dozen: the daemon needs a descriptor for each and no thread, clients use several at once
# while others hang in their negotiation, and a logout gives everything back.
. "$(dirname "$0")/../support/functions.sh"
requires_root
requires nbdinfo fio socat
luns=64
start_test_target --luns $luns --size 16
cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/"
echo "iscsid.disk.driver = export" >>"$ISCSI_CONFIG_DIR/iscsid.conf"
start_iscsid
discover

sockets=$ISCSID_RUNTIME_DIR/nbd
socket() { echo "$sockets/$TARGET_NAME-lun-$1.sock"; }
uri() { echo "nbd+unix:///?socket=$(socket "$1")"; }
exported() { find "$sockets" -name '*.sock' 2>/dev/null | wc -l; }
descriptors() { find "/proc/$iscsid_pid/fd" -mindepth 1 | wc -l; }
threads() { find "/proc/$iscsid_pid/task" -mindepth 1 -maxdepth 1 | wc -l; }

threads_before=$(threads) descriptors_before=$(descriptors)
expect_exit 0 iscsiadm -m node -l
expect_no_err
[ "$(exported)" -eq $luns ] || fail "$(exported) of $luns LUNs are exported"
more_threads=$(($(threads) - threads_before)) more_descriptors=$(($(descriptors) - descriptors_before))
echo "$luns exports: $more_threads threads more, $more_descriptors descriptors"
# One thread for all of them, and what works for the session; its socket, and what that thread waits with.
[ $more_threads -le 4 ] || fail "too many threads: $(cat "/proc/$iscsid_pid"/task/*/comm | sort | uniq -c)"
[ $more_descriptors -le $((luns + 8)) ] || fail "too many descriptors: $(find "/proc/$iscsid_pid/fd" -printf '%l\n' | sort | uniq -c | sort -n | tail)"

# Clients that hang after the greeting.
hanging=()
at_end 'kill "${hanging[@]}" 2>/dev/null'
hang() {
    socat -u "UNIX-CONNECT:$(socket "$1" | sed 's/:/\\:/g')" - >>"$WORK/greetings" &
    hanging+=($!)
}
for lun in $(seq 0 7); do hang "$lun"; done
greetings() { grep -ao IHAVEOPT "$WORK/greetings" | wc -l; }
greeted() { [ "$(greetings)" -eq 8 ]; }
wait_until 10 greeted || fail "$(greetings) of 8 clients are greeted"

verify() {
    fio --name="verify-$1" --ioengine=nbd --uri="$(uri "$1")" --iodepth=8 --rw=randwrite --bsrange=4k-64k --size=8m \
        --verify=crc32c --verify_state_save=0 --verify_fatal=1 --output="$WORK/fio-$1" || { cat "$WORK/fio-$1"; return 1; }
}
busy=()
for lun in $(seq 0 7); do
    verify "$lun" &
    busy+=($!)
done
for lun in 8 31 63; do
    expect_exit 0 nbdinfo --size "$(uri $lun)"
    expect_out 16777216
done
for each in "${busy[@]}"; do wait "$each" || fail "a client of several"; done

# Who hangs in a negotiation is no user.
expect_exit 0 iscsiadm -m node -u
expect_no_err
[ "$(exported)" -eq 0 ] || fail "left behind: $(ls "$sockets")"
! grep -qx nbd-export "/proc/$iscsid_pid"/task/*/comm || fail "a thread stays that has nothing to serve"
given_back() { [ "$(descriptors)" -le "$descriptors_before" ]; }
wait_until 10 given_back || fail "after the logout: $(descriptors) descriptors, before $descriptors_before"
stop_iscsid || fail "iscsid ended with $?"
stop_test_target
