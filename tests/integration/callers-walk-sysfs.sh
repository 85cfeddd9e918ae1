#!/usr/bin/env bash
# With iscsid.compat.sysfs the sessions are where the kernel's initiator shows its own, and what kubelet,
# os-brick and libvirt do below /sys, step by step, gives them their disks. Writes to scan, delete and
# rescan act on the LUN that they name and on no other, and say what is wrong. What is shown is gone after
# a logout and after the end of the daemon, and what a killed one leaves hinders nobody and goes with the
# next one. All in a mount namespace of its own.
if [ "${IN_OWN_NAMESPACE:-}" != yes ]; then
    if [ "$(id -u)" -eq 0 ]; then
        IN_OWN_NAMESPACE=yes exec "$(dirname "$0")/../support/own-mounts" bash "$0" "$@"
    fi
fi
. "$(dirname "$0")/../support/functions.sh"
requires_loop_disks
requires python3
start_target
add_target 1 "$TARGET_NAME" 64M 32M 16M
classes_of_machine=$(ls /sys/class)
buses_of_machine=$(ls /sys/bus)
mkdir -p "$ISCSI_CONFIG_DIR"
sed 's/^iscsid.compat.sysfs = .*/iscsid.compat.sysfs = Yes/' "$(dirname "$0")/../../etc/iscsi/iscsid.conf" \
    >"$ISCSI_CONFIG_DIR/iscsid.conf"
grep -qx 'iscsid.compat.sysfs = Yes' "$ISCSI_CONFIG_DIR/iscsid.conf" || fail "no such setting"
start_iscsid
discover
expect_exit 0 iscsiadm -m node -o update -n node.session.scan -v manual

attached() { iscsiadm -m session -P 3 2>/dev/null | sed -n 's/.*Lun: \([0-9]*\)$/\1/p' | xargs; }
expect_attached() { [ "$(attached)" = "$1" ] || fail "LUNs with a disk: '$(attached)', expected '$1'"; }
node_of() { iscsiadm -m session -P 3 | grep -A 1 "Lun: $1\$" | sed -n 's|.*Attached scsi disk \([^ \t]*\).*|\1|p'; }

# ---- kubelet: pkg/volume/util/device_util_linux.go and pkg/volume/iscsi/iscsi_util.go ----

# GetISCSIPortalHostMapForTarget: lines "PORTAL HOST-NUMBER", of both addresses of each connection.
portal_host_map() {
    local host session connection at address
    for host in /sys/class/iscsi_host/host*; do
        [ -d "$host" ] || continue
        for session in "$host"/device/session*; do
            [ "$(cat "$session/iscsi_session/${session##*/}/targetname")" = "$1" ] || continue
            for connection in "$session"/connection*; do
                at=$connection/iscsi_connection/${connection##*/}
                for address in address:port persistent_address:persistent_port; do
                    echo "$(cat "$at/${address%:*}"):$(cat "$at/${address#*:}") ${host##*/host}"
                done
            done
        done
    done
}

# scanOneLun: opens without creating, writes without a newline.
scan_one_lun() {
    python3 - "/sys/class/scsi_host/host$1/scan" "0 0 $2" <<'END'
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CLOEXEC)
assert os.write(fd, sys.argv[2].encode()) > 0
os.close(fd)
END
}

# FindDevicesForISCSILun: the names of the block devices of one LUN.
devices_for_lun() {
    local session target lun
    for session in /sys/class/iscsi_host/host*/device/session*; do
        [ "$(cat "$session/iscsi_session/${session##*/}/targetname")" = "$1" ] || continue
        for target in "$session"/target*; do
            for lun in "$target"/*:*:*:*; do
                [ "${lun##*:}" = "$2" ] && ls "$lun/block"
            done
        done
    done
}

kubelet_attaches() {
    [ -z "$(portal_host_map "$TARGET_NAME")" ] || fail "a session before the login"
    expect_exit 0 iscsiadm -m node -p "$PORTAL" -T "$TARGET_NAME" -I default --login
    expect_exit 0 iscsiadm -m node -p "$PORTAL" -T "$TARGET_NAME" -o update -n node.startup -v manual
    host=$(portal_host_map "$TARGET_NAME" | sort -u | sed -n "s/^$PORTAL //p")
    [ -n "$host" ] || fail "no host of the portal: $(portal_host_map "$TARGET_NAME")"
    [ -z "$(portal_host_map iqn.2026-11.org.example:other)" ] || fail "the host of another target"
    expect_attached ""
    scan_one_lun "$host" 2 || fail "kubelet's write failed"
    expect_attached 2
    [ "$(devices_for_lun "$TARGET_NAME" 2)" = "$(node_of 2)" ] || fail "kubelet finds no device"
    [ -z "$(devices_for_lun "$TARGET_NAME" 1)" ] || fail "kubelet finds a device of LUN 1"
    [ -b "/dev/$(node_of 2)" ] || fail "no block device"
}

kubelet_attaches
[ "$(cat /sys/class/scsi_host/host"$host"/proc_name)" = iscsi_tcp ] || fail "proc_name"
expect_exit 0 iscsiadm -m session -P 3
expect_out "Host Number: $host"
scan_one_lun "$host" 2 || fail "a second scan failed"
expect_attached 2

# ---- os-brick: initiator/linuxscsi.py and initiator/connectors/iscsi.py ----

cat >"$WORK/os_brick.py" <<'END'
# The walks of os-brick, in its own order and with its own patterns.
import glob, os, subprocess, sys

def get_hctl(session, lun):
    glob_str = '/sys/class/iscsi_host/host*/device/session' + session
    paths = glob.glob(glob_str + '/target*')
    if paths:
        __, channel, target = os.path.split(paths[0])[1].split(':')
    else:
        target = channel = '-'
        paths = glob.glob(glob_str)
    if not paths:
        return None
    host = paths[0][26:paths[0].index('/', 26)]
    return host, channel, target, lun

def scan_iscsi(host, channel, target, lun):
    subprocess.run(['tee', '-a', '/sys/class/scsi_host/host%s/scan' % host],
                   input=('%s %s %s' % (channel, target, lun)).encode(), stdout=subprocess.DEVNULL, check=True)

def device_name_by_hctl(session, hctl):
    path = ('/sys/class/scsi_host/host%(h)s/device/session%(s)s/target%(h)s:%(c)s:%(t)s/'
            '%(h)s:%(c)s:%(t)s:%(l)s/block/*' %
            dict(zip('hctl', ('*' if part == '-' else part for part in hctl)), s=session))
    devices = sorted(glob.glob(path))
    return os.path.split(devices[0])[1] if devices else None

def connection_devices(session, lun):
    belong, others = set(), set()
    for path in glob.glob('/sys/class/scsi_host/host*/device/session' + session + '/target*/*:*:*:*/block/*'):
        __, hctl, __, device = path.rsplit('/', 3)
        (belong if int(hctl.rsplit(':', 1)[-1]) == lun else others).add(device)
    return belong, others

session, lun = sys.argv[1:]
hctl = get_hctl(session, lun)
assert hctl, 'no H:C:T:L'
assert device_name_by_hctl(session, hctl) is None, 'a device before the scan'
scan_iscsi(*hctl)
device = device_name_by_hctl(session, hctl)
assert device and os.path.exists('/dev/' + device), device
belong, others = connection_devices(session, int(lun))
assert belong == {device}, belong
print(device, *sorted(others))
END
expect_exit 0 python3 "$WORK/os_brick.py" 1 3
[ "$(cat "$WORK/out")" = "$(node_of 3) $(node_of 2)" ] || fail "os-brick found: $(cat "$WORK/out")"
expect_attached "2 3"
python3 "$WORK/os_brick.py" 7 3 2>/dev/null && fail "os-brick found a session that there is not"

# ---- libvirt: storage/storage_backend_iscsi.c and storage/storage_util.c ----

# virStorageBackendISCSIGetHostNumber: from the name of the target in the folder of the session.
libvirt_host() {
    local target
    for target in "/sys/class/iscsi_session/session$1/device"/target*; do
        [ -d "$target" ] || return 1
        target=${target##*/target}
        echo "${target%%:*}"
    done
}

# virStorageBackendSCSIFindLUs: the volumes of a host; only disks and CD-ROMs become such.
libvirt_volumes() {
    local device
    for device in /sys/bus/scsi/devices/"$1":*:*:*; do
        [ -d "$device" ] || continue
        case $(cat "$device/type") in
        0 | 5) ls "$device/block" ;;
        esac
    done
}

expect_exit 0 iscsiadm --mode session -r 1 -R # refreshing a pool: now it has all disks
expect_attached "1 2 3"
[ "$(libvirt_host 1)" = "$host" ] || fail "libvirt's host is '$(libvirt_host 1)'"
[ "$(libvirt_volumes "$host" | sort)" = "$(disks | sed 's|/dev/||' | sort)" ] ||
    fail "libvirt's volumes: $(libvirt_volumes "$host")"

# ---- delete, scan of all, rescan ----

lun_folder() { echo "/sys/bus/scsi/devices/$host:0:0:$1"; }
# write_to FILE TEXT: 0, or the name of the errno that the write ended with.
write_to() {
    python3 - "$@" <<'END'
import errno, os, sys
fd = os.open(sys.argv[1], os.O_WRONLY)
try:
    os.write(fd, sys.argv[2].encode())
    print(0)
except OSError as e:
    print(errno.errorcode[e.errno])
END
}
expect_write() {
    local got
    got=$(write_to "$2" "$3")
    [ "$got" = "$1" ] || fail "'$3' to $2 gave $got, expected $1"
}

one=$(node_of 1)
exec 8<"/dev/$one"
expect_write EBUSY "$(lun_folder 1)/delete" 1
exec 8<&-
expect_attached "1 2 3"
echo 1 >"$(lun_folder 1)/delete" || fail "delete"
expect_attached "2 3"
[ ! -e "$(lun_folder 1)" ] || fail "the LUN is still shown"
is_ours "$one" && fail "$one is still there"
[ "$(cat "$(lun_folder 2)/state")" = running ] || fail "state of LUN 2"

# A rescan of one brings none back.
two=$(node_of 2)
echo 1 >"$(lun_folder 2)/rescan" || fail "rescan"
expect_attached "2 3"
echo "- - -" >"/sys/class/scsi_host/host$host/scan" || fail "scan of all"
expect_attached "2 3" # what was deleted by name comes back by name, with a manual scan
echo "0 0 1" >"/sys/class/scsi_host/host$host/scan" || fail "scan of LUN 1"
expect_attached "1 2 3"
# No such LUN: nothing happens, as with the kernel.
expect_write 0 "/sys/class/scsi_host/host$host/scan" "0 0 9"
expect_attached "1 2 3"

# What is none of their words is refused and changes nothing.
for wrong in "" "1" "0 0" "0 0 x" "0 0 1 1" "1 0 1" "0 1 1" "0 0 -1" "0 0 99999999999999999999" "-" "all"; do
    [ -z "$wrong" ] || expect_write EINVAL "/sys/class/scsi_host/host$host/scan" "$wrong"
done
expect_write EINVAL "/sys/class/scsi_host/host$host/scan" "$(printf '%5000s' 1)"
for wrong in 0 2 yes "1 1"; do
    expect_write EINVAL "$(lun_folder 1)/delete" "$wrong"
    expect_write EINVAL "$(lun_folder 1)/rescan" "$wrong"
done
expect_attached "1 2 3"
[ "$(grep -c "expected '0 0 LUN' or '- - -'" "$WORK/iscsid.log")" -eq 11 ] ||
    fail "lines of the log: $(grep -c "expected '0 0 LUN'" "$WORK/iscsid.log")"
cat "/sys/class/scsi_host/host$host/scan" 2>/dev/null && fail "scan can be read"

# The rest of /sys is as it was, and devices are where they were.
for class in $classes_of_machine; do [ -d "/sys/class/$class" ] || [ -e "/sys/class/$class" ] || fail "class $class is gone"; done
for bus in $buses_of_machine; do [ -d "/sys/bus/$bus" ] || fail "bus $bus is gone"; done
case $(readlink -f "/sys/class/block/$two") in
/sys/devices/*/block/"$two") ;;
*) fail "/sys/class/block/$two leads to $(readlink -f "/sys/class/block/$two")" ;;
esac

# While the target is away the session says so; what cannot be done then is an error.
state_is() { [ "$(cat /sys/class/iscsi_session/session1/state)" = "$1" ]; }
state_is LOGGED_IN || fail "state of the session"
export TARGET_PORT=$PORT
stop_target
wait_until 20 state_is FAILED || fail "the end of the target is not shown"
expect_write EIO "/sys/class/scsi_host/host$host/scan" "0 0 4"
expect_write EIO "$(lun_folder 3)/delete" 1
start_target
add_target 1 "$TARGET_NAME" 64M 32M 16M
wait_until 60 state_is LOGGED_IN || fail "no reconnect"

# ---- another session: growth, and a LUN that says nothing ----

first_port=$PORT
start_test_target --luns 3 --size 16
discover
expect_exit 0 iscsiadm -m node -p "$PORTAL" -o update -n node.session.scan -v manual
expect_exit 0 iscsiadm -m node -p "$PORTAL" -l
scan=/sys/class/scsi_host/host$((host + 1))/scan
grown_disk=/sys/class/iscsi_session/session2/device/target$((host + 1)):0:0/$((host + 1)):0:0:0
expect_write 0 "$scan" "0 0 0"
size_of() { blockdev --getsize64 "/dev/$(ls "$1/block")"; }
[ "$(size_of "$grown_disk")" -eq $((16 << 20)) ] || fail "size of the disk: $(size_of "$grown_disk")"
[ "$(tell_target "lun 0 size 24 quietly")" = ok ] || fail "growth"
expect_write 0 "$grown_disk/rescan" 1
[ "$(size_of "$grown_disk")" -eq $((24 << 20)) ] || fail "size after a rescan: $(size_of "$grown_disk")"
[ "$(ls /sys/class/iscsi_session/session2/device/target*)" = "$((host + 1)):0:0:0" ] || fail "a rescan attached more"
expect_attached "1 2 3 0"
# Whoever waits can be killed, and nobody else waits.
[ "$(tell_target "lun 1 hang on")" = ok ] || fail "hang"
bash -c "echo 0 0 1 >$scan" 2>/dev/null &
waiting=$!
at_end "kill -9 $waiting 2>/dev/null"
is_writing() { readlink "/proc/$waiting/fd/1" | grep -q '\.scan$'; }
wait_until 10 is_writing || fail "nobody waits for LUN 1"
expect_write EINVAL "$scan" "what"
expect_write 0 "/sys/class/scsi_host/host$host/scan" "0 0 1"
kill -0 $waiting 2>/dev/null || fail "the scan of a silent LUN has ended"
kill -9 $waiting
is_over() { ! kill -0 $waiting; }
wait_until 5 is_over || fail "whoever waits for a scan cannot be killed"
[ "$(tell_target release)" = ok ] && [ "$(tell_target "lun 1 hang off")" = ok ] || fail "release"
expect_exit 0 iscsiadm -m session -r 2 -u
[ ! -e "$scan" ] || fail "shown after its logout"
state_is LOGGED_IN || fail "the other session"
expect_exit 0 iscsiadm -m node -p "$PORTAL" -o delete
PORT=$first_port

# ---- the end ----

shown() { find /sys/class/iscsi_host/ /sys/class/iscsi_session/ /sys/class/iscsi_connection/ /sys/class/scsi_host/ /sys/bus/scsi/devices/ -mindepth 1 -not -name .acting 2>/dev/null; }
ours() { grep -F "iscsid:$WORK" /proc/self/mounts; }
[ -n "$(shown)" ] || fail "nothing is shown"
log_out
[ -z "$(shown)" ] || fail "shown after the logout: $(shown)"
expect_exit 0 iscsiadm -m node -l
sid=$(iscsiadm -m session | sed -n 's/^tcp: \[\([0-9]*\)\].*/\1/p')
[ "$(libvirt_host "$sid")" = "$((host + sid - 1))" ] || fail "host of the next session"

# Killed: names stay and can be looked at, nothing hangs, acting files fail; the next daemon cleans up.
kill -9 "$iscsid_pid"
wait "$iscsid_pid" 2>/dev/null
iscsid_pid=''
timeout 10 ls -lR /sys/class/iscsi_host/ /sys/class/scsi_host/ >/dev/null 2>&1
[ $? -ne 124 ] || fail "ls hangs after the end of the daemon"
(timeout 10 bash -c "echo '0 0 1' >/sys/class/scsi_host/host$((host + sid - 1))/scan") 2>/dev/null && fail "a scan by nobody"
[ -e /sys/class/net/lo ] || fail "the machine's classes are gone"
start_iscsid
[ -z "$(shown)" ] || fail "shown by the next daemon: $(shown)"
[ "$(ours | sort | uniq -d | wc -l)" -eq 0 ] || fail "mounted twice: $(ours)"

# Another daemon in the same place is told so, and disturbs nothing.
mkdir "$WORK/other"
ISCSID_RUNTIME_DIR=$WORK/other ISCSID_SOCKET=$WORK/other/sock iscsid -f -n >"$WORK/other.log" 2>&1 &
other=$!
at_end "kill $other 2>/dev/null; wait $other 2>/dev/null"
wait_until 10 grep -q "sessions are not shown in /sys" "$WORK/other.log" || fail "the other daemon: $(cat "$WORK/other.log")"
grep -qF "another iscsid shows its sessions there" "$WORK/other.log" || fail "the other daemon: $(cat "$WORK/other.log")"
kill $other && wait $other
[ -d /sys/class/iscsi_host/.acting ] || fail "the other daemon took the tree away"

# Told to end: nothing is left.
expect_exit 0 iscsiadm -m node -l
stop_iscsid || fail "iscsid ended with $?"
[ -z "$(ours)" ] || fail "mounted after the end: $(ours)"
[ "$(ls /sys/class)" = "$classes_of_machine" ] || fail "/sys/class is another one: $(ls /sys/class)"
[ "$(ls /sys/bus)" = "$buses_of_machine" ] || fail "/sys/bus is another one: $(ls /sys/bus)"

# Without the setting nothing is mounted.
sed -i 's/^iscsid.compat.sysfs = .*/iscsid.compat.sysfs = No/' "$ISCSI_CONFIG_DIR/iscsid.conf"
start_iscsid
[ -z "$(ours)" ] || fail "mounted without the setting: $(ours)"
