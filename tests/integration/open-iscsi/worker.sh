#!/usr/bin/env bash
# Runs command lines of open-iscsi's iscsiadm and of ours, in mount and network namespaces of its own.
# Usage: worker.sh WORK BUILD GENUINE LINE-FILE…
#
# Each line file has "SEED" in its first line and the command line in its second; several command lines
# on one are parted by " ; ". For SIDE genuine and ours it leaves LINE-FILE.SIDE.out, .err, .code, .tree.
set -uo pipefail
WORK=$1 BUILD=$2 GENUINE=$3
shift 3

# Nothing of the machine's /etc but what resolves names; nothing of its /run.
make_room() {
    ip link set lo up
    mount -t tmpfs tmpfs /mnt
    mkdir -p /mnt/etc/iscsi
    cp -a /etc/{passwd,group,nsswitch.conf,ld.so.cache} /mnt/etc
    printf '%s\n' '127.0.0.1 localhost' '10.0.0.1 storage storage.example' >/mnt/etc/hosts
    mount --bind /mnt/etc /etc
    mount -t tmpfs tmpfs /run
    mkdir -p /run/lock
    # What the kernel's module for TCP shows, so that open-iscsi does not look for it.
    mount -t tmpfs tmpfs /sys/class
    mkdir -p /sys/class/iscsi_transport/tcp /sys/class/iscsi_{session,connection,host}
    echo 1 >/sys/class/iscsi_transport/tcp/handle
    echo 0x39 >/sys/class/iscsi_transport/tcp/caps
}

run_genuine() {
    LD_LIBRARY_PATH=$GENUINE/usr/lib PATH=$GENUINE/sbin:$PATH iscsiadm "$@"
}

run_ours() {
    ISCSI_CONFIG_DIR=/etc/iscsi ISCSI_DATABASE_DIR=/etc/iscsi ISCSID_RUNTIME_DIR=/run \
        ISCSID_SOCKET=/run/iscsid.sock "$BUILD/iscsiadm/iscsiadm" "$@"
}

# The files and links with their modes, then what is in the files. The shell reads them, for this is done
# a thousand times.
show_tree() {
    local file text
    find nodes send_targets ifaces \( -type f -o -type l \) -printf '%p %y %m %l\n' 2>/dev/null
    echo
    for file in nodes/*/* nodes/*/*/* send_targets/*/st_config ifaces/*; do
        [ -f "$file" ] || continue
        echo "== $file"
        mapfile text <"$file"
        printf '%s' "${text[@]}"
    done
}

# run_line SIDE SEED FILE COMMAND-LINE…
run_line() {
    local side=$1 seed=$2 to=$3.$1 line words
    shift 3
    rm -rf /etc/iscsi/* /run/lock/*
    cp -a "$WORK/seed/$seed/." .
    for line in "$@"; do
        eval "words=($line)"
        "run_$side" "${words[@]}" >>"$to.out" 2>>"$to.err" </dev/null
        echo $? >>"$to.code"
    done
    show_tree >"$to.tree"
}

make_room
cd /etc/iscsi || exit 1
for file in "$@"; do
    { read -r seed && read -r commands; } <"$file"
    mapfile -t lines < <(sed 's/ ; /\n/g' <<<"$commands")
    run_line genuine "$seed" "$file" "${lines[@]}"
    run_line ours "$seed" "$file" "${lines[@]}"
done
