#!/usr/bin/env bash
# Debian's iscsiadm and ours, given the same command lines and records, print the same words, end with the
# same exit codes and leave the same files; what differs on purpose is listed in open-iscsi/deliberate.txt.
# open-iscsi is run, not installed: its files are extracted below build/.
. "$(dirname "$0")/../support/functions.sh"
. "$(dirname "$0")/../support/packages.sh"
requires_root
requires unshare dpkg-deb apt-get ip perl
unshare --mount --net true 2>/dev/null || skip "needs mount and network namespaces"

here=$PWD/tests/integration/open-iscsi
GENUINE=$BUILD/open-iscsi-2.1.8
workers=16

fetch_open_iscsi() {
    [ ! -x "$GENUINE/sbin/iscsiadm" ] || return 0
    local folder=$WORK/packages
    fetch_packages "$folder" "${open_iscsi_packages[@]}" || skip "cannot fetch ${open_iscsi_packages[*]}"
    mkdir -p "$folder/kept/sbin" "$folder/kept/usr/lib"
    mv "$folder"/files/sbin/{iscsiadm,iscsid} "$folder/kept/sbin/"
    find "$folder/files" -name 'lib*.so.*' -exec mv -t "$folder/kept/usr/lib" {} +
    rm -rf "$GENUINE"
    mv "$folder/kept" "$GENUINE"
}

genuine_version() {
    LD_LIBRARY_PATH=$GENUINE/usr/lib "$GENUINE/sbin/iscsiadm" -V
}

# ---- the records that command lines begin with ----

# Without a setting: iscsiadm of open-iscsi asks the daemon for the path of this file, and there is none.
seed_empty() {
    echo '# nothing' >iscsid.conf
    echo "InitiatorName=$INITIATOR_NAME" >initiatorname.iscsi
}

# node TARGET ADDRESS,PORT,TAG IFACE [KEY=VALUE…]: a record as open-iscsi writes it.
node() {
    local folder=nodes/$1/$2 address port tag pair
    local file=$folder/$3 target=$1 interface=$3
    IFS=, read -r address port tag <<<"$2"
    shift 3
    mkdir -p "$folder"
    sed -e "s/@target@/$target/; s/@address@/$address/; s/@port@/$port/; s/@tag@/$tag/" \
        -e "s/@iface@/$interface/" "$here/node-record" >"$file"
    for pair in "$@"; do
        sed -i "s|^${pair%%=*} = .*|${pair%%=*} = ${pair#*=}|" "$file"
    done
    chmod 600 "$file"
}

# discovered TARGET ADDRESS,PORT,TAG IFACE SOURCE [KEY=VALUE…]: the same, by a discovery at SOURCE.
discovered() {
    local target=$1 portal=$2 interface=$3 source=$4
    shift 4
    node "$target" "$portal" "$interface" node.discovery_type=send_targets \
        "node.discovery_port=${source#*,}" "$@"
    sed -i "/^node.discovery_port/i node.discovery_address = ${source%,*}" \
        "nodes/$target/$portal/$interface"
    ln -s "/etc/iscsi/nodes/$target/$portal" "send_targets/$source/$target,$portal,$interface"
}

discovery() {
    mkdir -p "send_targets/$1"
    sed "s/@address@/${1%,*}/; s/@port@/${1#*,}/" "$here/discovery-record" >"send_targets/$1/st_config"
    chmod 600 "send_targets/$1/st_config"
}

# interface NAME [KEY=VALUE…]; an empty value stands in no file, so the key is put before the transport.
interface() {
    local file=ifaces/$1 pair
    mkdir -p ifaces
    sed "s/@iface@/$1/" "$here/interface-record" >"$file"
    shift
    for pair in "$@"; do
        sed -i "/^iface.prefix_len/i ${pair%%=*} = ${pair#*=}" "$file"
    done
    chmod 600 "$file"
}

# Two targets, portals of all kinds, two interfaces, two discoveries.
seed_full() {
    seed_empty
    local first=iqn.2020-01.test:first second=iqn.2020-01.test:second
    discovery 10.0.0.1,3260
    discovery 10.0.0.5,3261
    interface one iface.net_ifacename=eth7
    interface two iface.hwaddress=00:11:22:33:44:55
    discovered $first 10.0.0.1,3260,1 default 10.0.0.1,3260
    discovered $first 10.0.0.2,3260,2 default 10.0.0.1,3260 node.startup=automatic
    node $first 10.0.0.1,3260,1 one
    sed -i '/^iface.prefix_len/i iface.net_ifacename = eth7' nodes/$first/10.0.0.1,3260,1/one
    node $second 10.0.0.1,3260,1 default node.session.nr_sessions=2
    node $second 10.0.0.9,3270,1 default node.session.auth.authmethod=CHAP \
        node.startup=onboot
    node $second 2001:db8::1,3260,1 default
    sed -i '/auth.authmethod/a node.session.auth.username = alice\nnode.session.auth.password = open-sesame-1' \
        nodes/$second/10.0.0.9,3270,1/default
}

# One record with a tag, and one of a host name.
seed_names() {
    seed_empty
    node iqn.2020-01.test:named storage,3260,1 default
    node iqn.2020-01.test:named storage.example,3261,1 default
}

# A record without a group tag, as `-o new` writes it.
seed_plain() {
    seed_empty
    local folder=nodes/iqn.2020-01.test:plain
    node iqn.2020-01.test:plain 10.0.0.1,3260 default node.tpgt=-1
    mv $folder/10.0.0.1,3260/default $folder/record
    rmdir $folder/10.0.0.1,3260
    mv $folder/record $folder/10.0.0.1,3260
}

make_seeds() {
    local seed
    for seed in empty full names plain; do
        mkdir -p "$WORK/seed/$seed"
        (
            umask 077
            cd "$WORK/seed/$seed" || exit 1
            "seed_$seed"
        ) || fail "seed $seed"
    done
}

# ---- running ----

# A file for each command line: "[SEED]" lines of the table say which records it begins with.
make_lines() {
    local line seed='' number=0
    mkdir -p "$WORK/lines"
    while IFS= read -r line; do
        case $line in
        '' | '#'*) ;;
        '['*) seed=${line//[\[\]]/} ;;
        *)
            number=$((number + 1))
            printf '%s\n%s\n' "$seed" "$line" >"$WORK/lines/$(printf %04d $number)"
            ;;
        esac
    done <"$here/commands.txt"
}

# Most of these wait for a second or nothing at all, so there are more of them than processors.
run_lines() {
    local n files pids=()
    for ((n = 0; n < workers; n++)); do
        mapfile -t files < <(find "$WORK/lines" -name '????' | sort | awk "NR % $workers == $n")
        unshare --net tests/support/own-mounts bash "$here/worker.sh" "$WORK" "$BUILD" "$GENUINE" "${files[@]}" \
            2>>"$WORK/worker.log" &
        pids+=($!)
    done
    for n in "${pids[@]}"; do
        wait "$n" || fail "a worker ended: $(tail -n 3 "$WORK/worker.log")"
    done
}

fetch_open_iscsi
[ "$(genuine_version)" = "iscsiadm version 2.1.8" ] || skip "not open-iscsi 2.1.8: $(genuine_version)"
make_seeds
make_lines
run_lines
perl "$here/compare.pl" "$WORK/lines" "$here/deliberate.txt" || fail "see above"
