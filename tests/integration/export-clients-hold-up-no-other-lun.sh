#!/usr/bin/env bash
# Clients of exported LUNs that ask for much and read nothing, and as many as can connect: another LUN is read with
# large requests as ever, commands and logins work, also where the daemon may have few descriptors.
. "$(dirname "$0")/../support/functions.sh"
requires_root
requires fio python3
greedy=8
start_test_target --luns $((greedy + 1)) --size 64
cp "$(dirname "$0")/../../etc/iscsi/iscsid.conf" "$ISCSI_CONFIG_DIR/"
echo "iscsid.disk.driver = export" >>"$ISCSI_CONFIG_DIR/iscsid.conf"
start_iscsid
discover
stop_iscsid || fail "iscsid ended with $?"

cat >"$WORK/hogs.py" <<'EOF'
import socket, struct, sys, time

READ_MAGIC, READ, LENGTH = 0x25609513, 0, 32 << 20

def connect(path):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(5)
    client.connect(path)
    if not client.recv(18, socket.MSG_WAITALL):
        raise OSError("turned away")
    client.sendall(struct.pack(">I", 3) + b"IHAVEOPT" + struct.pack(">II", 1, 0))
    if not client.recv(10, socket.MSG_WAITALL):
        raise OSError("turned away")
    client.setblocking(False)
    return client

def ask(client):
    try:
        for cookie in range(128):
            client.send(struct.pack(">IHHQQI", READ_MAGIC, 0, READ, cookie, 0, LENGTH))
    except BlockingIOError:
        pass

hogs = []
for path in sys.argv[1:]:
    for _ in range(20):
        try:
            hogs.append(connect(path))
            ask(hogs[-1])
        except OSError:
            break
print(len(hogs), flush=True)
time.sleep(300)
EOF

socket() { echo "$ISCSID_RUNTIME_DIR/nbd/$TARGET_NAME-lun-$1.sock"; }
sockets_of_greedy() { for lun in $(seq 0 $((greedy - 1))); do socket "$lun"; done; }
are_there() { [ -s "$WORK/hogs" ]; }

for limit in 100 1000; do
    (ulimit -S -n $limit && ulimit -H -n $limit && exec "$BUILD/iscsid/iscsid" -f -n) >>"$WORK/iscsid.log" 2>&1 &
    # shellcheck disable=SC2034 # for stop_iscsid
    iscsid_pid=$!
    wait_until 10 daemon_answers || fail "iscsid does not start"
    expect_exit 0 iscsiadm -m node -l
    expect_no_err
    mapfile -t paths < <(sockets_of_greedy)
    : >"$WORK/hogs"
    python3 "$WORK/hogs.py" "${paths[@]}" >"$WORK/hogs" &
    hogs=$!
    at_end "kill $hogs 2>/dev/null"
    wait_until 60 are_there || fail "no client was let in"
    echo "$limit descriptors: $(cat "$WORK/hogs") clients that read nothing"
    [ "$(cat "$WORK/hogs")" -ge 16 ] || fail "too few clients: nothing is tested"
    timeout 60 fio --name=large --ioengine=nbd --uri="nbd+unix:///?socket=$(socket $greedy)" --rw=read --bs=32m \
        --iodepth=2 --size=64m >"$WORK/fio" 2>&1 || fail "$limit: large reads of another LUN: $(cat "$WORK/fio")"
    expect_exit 0 timeout 20 iscsiadm -m session -P 3
    expect_exit 0 timeout 20 iscsiadm -m session -r 1 -R
    begin=$SECONDS
    stop_iscsid || fail "iscsid ended with $?"
    echo "stopped with these clients in $((SECONDS - begin)) s"
    kill $hogs
    wait $hogs 2>/dev/null || true # by the signal
done
