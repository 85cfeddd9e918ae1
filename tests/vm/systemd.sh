# shellcheck shell=bash
# The installed programs under systemd as PID 1, inside the guest. Sourced after tests/support/functions.sh.

if [ "$(cat /proc/1/comm)" != systemd ] || ! mountpoint -q /vm; then skip "needs tests/vm/run --systemd"; fi
# From here on the programs and folders are the installed ones.
unset ISCSI_CONFIG_DIR ISCSI_DATABASE_DIR ISCSID_RUNTIME_DIR ISCSID_SOCKET
export PATH=/usr/sbin:/usr/bin SYSTEMD_PAGER='' SYSTEMD_COLORS=0
# shellcheck disable=SC2034 # for the scripts that source this file
link=/dev/disk/by-path/ip-127.0.0.1:3260-iscsi-$TARGET_NAME-lun-0
journal_units=(-u iscsid -u iscsi -u iscsid.socket)

# fail, after the end of the journal.
journal_fail() {
    journalctl -b --no-pager -o short-monotonic "${journal_units[@]}" | tail -n 60 >&2
    fail "$@"
}

main_pid() { systemctl show -p MainPID --value iscsid.service; }

install_from_build() {
    cmake --install "$BUILD" --prefix /usr >"$WORK/install" 2>&1 || fail "install: $(cat "$WORK/install")"
}
