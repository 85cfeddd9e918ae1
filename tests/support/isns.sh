# shellcheck shell=bash
# For tests with a real iSNS server: Open-iSNS' isnsd on 127.0.0.1, with its files in $WORK. Sourced
# behind functions.sh.

# Nobody is authenticated (Security = 0), and nodes of no domain see each other. Without a control node
# isnsadm may change nothing but its own objects.
configure_isns() {
    mkdir -p "$WORK/isns/db"
    cat >"$WORK/isns/isnsd.conf" <<END
ServerAddress = 127.0.0.1:$ISNS_PORT
SourceName = iqn.2026-11.org.example:isns
BindAddress = 127.0.0.1:$ISNS_PORT
PIDFile = $WORK/isns/pid
ControlSocket = $WORK/isns/control
Database = $WORK/isns/db
DefaultDiscoveryDomain = ${ISNS_DEFAULT_DOMAIN:-1}
RegistrationPeriod = ${ISNS_PERIOD:-10m}
ESIRetries = 0
SCNTimeout = 5
SLPRegister = 0
Security = 0
END
}

# start_isns: $ISNS is where it listens.
start_isns() {
    requires isnsd isnsadm
    ISNS_PORT=${ISNS_PORT:-$(free_port)}
    # shellcheck disable=SC2034 # for the scripts that source this file
    ISNS=127.0.0.1:$ISNS_PORT
    configure_isns
    isnsd --config "$WORK/isns/isnsd.conf" --foreground >>"$WORK/isns/log" 2>&1 &
    isns_pid=$!
    at_end "stop_isns"
    wait_until 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$ISNS_PORT" ||
        fail "isnsd does not start: $(tail -n 5 "$WORK/isns/log")"
}

stop_isns() {
    [ -n "$isns_pid" ] || return 0
    kill -9 "$isns_pid" 2>/dev/null
    wait "$isns_pid" 2>/dev/null
    isns_pid=''
}
isns_pid=''

# as_node NAME ARGUMENT…: isnsadm for a node of this name.
as_node() {
    sed "/^BindAddress/d; s/^SourceName.*/SourceName = $1/" "$WORK/isns/isnsd.conf" >"$WORK/isns/client.conf"
    shift
    isnsadm --config "$WORK/isns/client.conf" "$@" >"$WORK/isns/out" 2>&1
}

# register_target NAME PORT: a target there, at 127.0.0.1:PORT, as an entity of its own.
register_target() {
    as_node "$1" --register entity="${1##*:}" target="$1" portal="127.0.0.1:$2/tcp" ||
        fail "isnsadm --register $1: $(cat "$WORK/isns/out")"
}
deregister_target() {
    as_node "$1" --deregister iscsi-name="$1" ||
        fail "isnsadm --deregister $1: $(cat "$WORK/isns/out")"
}

# follow_isns: the daemon registers with the server, and logs in to what it names.
follow_isns() {
    sed -i 's/^node.startup = .*/node.startup = automatic/' "$ISCSI_CONFIG_DIR/iscsid.conf"
    expect_exit 0 iscsiadm -m discoverydb -t isns -p "$ISNS" -o new
    expect_exit 0 iscsiadm -m discoverydb -t isns -p "$ISNS" -o update -n discovery.isns.use_discoveryd -v Yes
    kill -HUP "$iscsid_pid"
}

# has_session TARGET: one that is logged in.
has_session() {
    iscsiadm -m session -P 1 2>/dev/null | grep -E "Target: $1 |State: LOGGED IN" | grep -A 1 "Target:" |
        grep -q "LOGGED IN"
}

has_no_session() { ! iscsiadm -m session 2>/dev/null | grep -q -- "$1 "; }
has_no_record() { ! iscsiadm -m node 2>/dev/null | grep -q -- "$1\$"; }
