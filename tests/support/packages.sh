# shellcheck shell=bash
# What the build, the demo and the tests need on Debian 12. Sourced.

# shellcheck disable=SC2034 # for the scripts that source this file
build_packages=(
    g++ cmake ninja-build pkg-config
    libboost1.81-dev libboost-json1.81-dev libcli11-dev libspdlog-dev libfmt-dev
    libgtest-dev libgmock-dev libudev-dev liburing-dev libnl-genl-3-dev libssl-dev libsystemd-dev
)
# shellcheck disable=SC2034
demo_packages=(tgt e2fsprogs fdisk mount util-linux procps)
# shellcheck disable=SC2034
test_packages=(
    istgt open-isns-server open-isns-utils git clang lld clang-tidy clang-format shellcheck mandoc python3-yaml systemd fio lsof xfsprogs binutils socat ccache
    libclang-rt-14-dev gcovr perl qemu-utils libnbd-bin iproute2 tmux dpkg-dev file lintian
)
# For the VM: the emulator, what its first process is, what runs in it.
# shellcheck disable=SC2034
vm_packages=(qemu-system-x86 busybox-static cpio kmod udev dbus dmsetup iproute2 systemd-sysv)

# For tests/bench/run: what it compares with.
# shellcheck disable=SC2034
bench_packages=(fio tgt python3 libgmock-dev libgtest-dev qemu-utils qemu-system-common qemu-block-extra
    libiscsi-bin fuse3 util-linux libbenchmark-dev valgrind iperf3 bc)

# Never installed: tests/integration runs the program files of open-iscsi beside ours.
# shellcheck disable=SC2034
open_iscsi_packages=(open-iscsi libopeniscsiusr libisns0 libkmod2 libmount1)

# Nor are these, whose udev rules would be the machine's: tests/vm/multipath.sh has them in its guest.
# shellcheck disable=SC2034
multipath_packages=(multipath-tools kpartx libaio1 libdevmapper1.02.1 libedit2 libjson-c5 liburcu8)

# fetch_packages FOLDER NAME…: downloads these and extracts them into FOLDER/files.
fetch_packages() {
    local folder=$1 package
    shift
    mkdir -p "$folder/files"
    chmod 755 "$folder"
    (cd "$folder" && apt-get -qq download "$@") >"$folder/log" 2>&1 || return 1
    for package in "$folder"/*.deb; do
        dpkg-deb -x "$package" "$folder/files" || return 1
    done
}

# Installs what is missing, quietly; says plainly what it could not get. Services of the packages
# are not started: the tests start their own targets.
install_packages() {
    local missing=() name log
    for name in "$@"; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        echo "these packages are missing and only root can install them: ${missing[*]}" >&2
        return 1
    fi
    log=$(mktemp)
    echo "installing ${#missing[@]} packages" >&2
    if ! { apt-get -qq update && policy_denied apt-get -qq install --yes --no-install-recommends \
        "${missing[@]}"; } >"$log" 2>&1; then
        echo "apt-get could not install: ${missing[*]}" >&2
        tail -n 20 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

# Runs a command while invoke-rc.d may not start services.
policy_denied() {
    local policy=/usr/sbin/policy-rc.d made=no status=0
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
        made=yes
    fi
    DEBIAN_FRONTEND=noninteractive "$@" || status=$?
    [ $made = no ] || rm -f $policy
    return $status
}

# build_with_progress LOG COMMAND…: a build by ninja whose output goes to LOG and whose progress is shown:
# on a terminal as a line that counts, else as a line for each tenth. Exit status: the build's.
build_with_progress() {
    local log=$1
    shift
    "$@" 2>&1 | tee -a "$log" | show_progress
    return "${PIPESTATUS[0]}"
}

# Reads the lines of ninja, which begin with [done/all].
show_progress() {
    local line now tenth=0
    while IFS= read -r line; do
        [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
        now=$((10 * BASH_REMATCH[1] / BASH_REMATCH[2]))
        if [ -t 1 ]; then
            printf '\r  %s of %s steps' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
        elif [ $now -gt $tenth ]; then
            echo "  ${now}0 % of ${BASH_REMATCH[2]} steps"
        fi
        tenth=$now
    done
    [ ! -t 1 ] || printf '\r\033[K'
}
