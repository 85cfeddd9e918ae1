#!/usr/bin/env bash
# 200 iscsiadm at a time change different keys of one record: each change is there afterwards, in
# records of every kind, and nobody was refused.
. "$(dirname "$0")/../support/functions.sh"

# update_in_parallel VALUE MODE-ARGUMENTS… -- KEY…: 200 processes, each sets one of the keys.
update_in_parallel() {
    local value=$1 arguments=() keys pids=() i
    shift
    while [ "$1" != -- ]; do
        arguments+=("$1")
        shift
    done
    shift
    keys=("$@")
    for ((i = 0; i < 200; i++)); do
        iscsiadm "${arguments[@]}" -o update -n "${keys[i % $#]}" -v "$value" \
            >"$WORK/out-$i" 2>&1 &
        pids+=($!)
    done
    for ((i = 0; i < 200; i++)); do
        wait "${pids[i]}" || fail "process $i: $(cat "$WORK/out-$i")"
    done
    iscsiadm "${arguments[@]}" -o show >"$WORK/out" || fail "show: $?"
    for i in "${keys[@]}"; do
        grep -qxF "$i = $value" "$WORK/out" || fail "lost: $(grep -F "$i =" "$WORK/out")"
    done
}

expect_exit 0 iscsiadm -m node -T "$TARGET_NAME" -p 127.0.0.1:3260,1 -o new
# shellcheck disable=SC2046 # keys have no blanks
update_in_parallel 77 -m node -T "$TARGET_NAME" -p 127.0.0.1:3260 -- \
    $(iscsiadm -m node -T "$TARGET_NAME" -p 127.0.0.1 |
        sed -nE 's/^(node\.(session|conn\[0\])\.(err_)?timeo\.[a-z_]*) = .*/\1/p')

expect_exit 0 iscsiadm -m discoverydb -t st -p 127.0.0.1:3260 -o new
update_in_parallel 78 -m discoverydb -t st -p 127.0.0.1:3260 -- \
    discovery.sendtargets.{timeo.login_timeout,timeo.auth_timeout,timeo.active_timeout} \
    discovery.sendtargets.{reopen_max,discoveryd_poll_inval,auth.username,auth.username_in}

expect_exit 0 iscsiadm -m iface -I eth0 -o new
update_in_parallel 79 -m iface -I eth0 -- \
    iface.{vlan_id,vlan_priority,iface_num,mtu,port,tos,ttl,tcp_wsf,tcp_timer_scale,erl,gateway} \
    iface.{dhcp_dns,redirect,chap_auth,bidi_chap,first_burst_len,max_burst_len,subnet_mask}
