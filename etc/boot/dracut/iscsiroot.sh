#!/bin/sh
# Called by dracut when a network device is up, or when nothing happens any more: logs in.
# Usage: iscsiroot DEVICE iscsi:WHERE NEWROOT
PATH=/usr/sbin:/usr/bin:/sbin:/bin
type getarg >/dev/null 2>&1 || . /lib/dracut-lib.sh
type parse_iscsi_root >/dev/null 2>&1 || . /lib/net-lib.sh
where=${2:-}
case $where in iscsi:*) ;; *) exit 1 ;; esac

initiator_name() {
    name=$(getarg rd.iscsi.initiator=) && [ -n "$name" ] && echo "$name" && return
    for file in /run/initiatorname.iscsi /etc/iscsi/initiatorname.iscsi; do
        [ ! -f "$file" ] || sed -n 's/^InitiatorName=//p' "$file"
    done | head -n 1
}

# By NAME=VALUE words of rd.iscsi.param; the login is tried three times unless something else is said.
parameters() {
    echo "-P node.session.initial_login_retry_max=$(getargnum 3 1 10000 rd.iscsi.login_retry_max)"
    for each in $(getargs rd.iscsi.param=); do
        echo "-P $each"
    done
}

started() { : >"/tmp/iscsistarted-$1"; }

log_in() {
    iscsi_username=$(getarg rd.iscsi.username=) iscsi_password=$(getarg rd.iscsi.password=)
    iscsi_in_username=$(getarg rd.iscsi.in.username=) iscsi_in_password=$(getarg rd.iscsi.in.password=)
    iscsi_target_group=$(getarg rd.iscsi.target.group=)
    # Sets iscsi_target_name and the rest, also names and secrets that stand in it.
    parse_iscsi_root "$1" || return 1
    # shellcheck disable=SC2046,SC2154 # words; of parse_iscsi_root
    iscsistart -i "$(initiator_name)" -t "$iscsi_target_name" -g "${iscsi_target_group:-1}" \
        -a "$iscsi_target_ip" -p "${iscsi_target_port:-3260}" $(parameters) \
        ${iscsi_username:+-u "$iscsi_username"} ${iscsi_password:+-w "$iscsi_password"} \
        ${iscsi_in_username:+-U "$iscsi_in_username"} ${iscsi_in_password:+-W "$iscsi_in_password"} ||
        { warn "iscsistart: no login to $iscsi_target_name at $iscsi_target_ip"; return 1; }
    started "$(echo "$where" | md5sum | cut -c1-16)"
}

if [ "$where" = iscsi: ]; then
    [ -e /tmp/iscsistarted-firmware ] || iscsistart -b && started firmware
else
    log_in "${where#iscsi:}"
fi
