#!/usr/bin/env bash
# GET /metrics on the unix socket: strict OpenMetrics with the counters of what was really done, a family for
# each that the manual page has, the same by iscsiadm --metrics, and a daemon that answers whatever its clients do.
. "$(dirname "$0")/../support/functions.sh"
requires perl socat
tests=$(dirname "$0")/..
socket=$ISCSID_RUNTIME_DIR/metrics.sock

metrics() { "$tests/support/openmetrics" "$socket" >"$WORK/metrics" || fail "metrics"; }
# value NAME LABEL…: of the one sample that has these.
value() {
    local found label
    found=$(grep "^$1[{ ]" "$WORK/metrics")
    shift
    for label in "$@"; do found=$(grep -F "$label" <<<"$found"); done
    [ "$(wc -l <<<"$found")" -eq 1 ] || fail "one sample of $*: $found"
    echo "${found##* }"
}
now() { metrics && value "$@"; }
# becomes WANTED NAME LABEL…: within seconds; a text is given again for a moment.
is() { [ "$(now "${@:2}")" = "$1" ]; }
becomes() { wait_until "${PATIENCE:-10}" is "$@" || fail "$* is $(now "${@:2}")"; }

# What is no answer, the check refuses.
forged() { ! "$tests/support/openmetrics" --old <<<"$1" 2>/dev/null || fail "taken for metrics: $1"; }
forged $'# TYPE a gauge\nb 1'
forged $'# TYPE a gauge\na{x="1"} 1\na{x="1"} 2'
forged $'# TYPE a gauge\na{x="1"y"} 1'
forged $'# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_count 1\nh_sum 1'
forged $'# TYPE h histogram\nh_bucket{le="1"} 1\nh_count 1\nh_sum 1'

start_iscsid
[ "$(stat -c %a "$socket")" = 600 ] || fail "mode of the socket: $(stat -c %a "$socket")"
[ "$(now iscsi_sessions)" -eq 0 ] || fail "no session yet"
diff <(sed -n 's/^# TYPE \([^ ]*\) counter$/\1_total/p; s/^# TYPE \([^ ]*\) info$/\1_info/p
    s/^# TYPE \([^ ]*\) \(gauge\|stateset\|histogram\)$/\1/p' "$WORK/metrics" | sort) \
    <(grep '^\.It Cm iscsi_' "$tests/../man/iscsid.8" | grep -o 'iscsi_[a-z_]*' | sort) ||
    fail "families differ (< daemon, > manual page)"
expect_exit 0 iscsiadm -m session --metrics
"$tests/support/openmetrics" --old <"$WORK/out" >"$WORK/old" || fail "the older form"
[ "$(grep -c '^# TYPE' "$WORK/old")" -eq "$(grep -c '^# TYPE' "$WORK/metrics")" ] || fail "families of --metrics"

# The dashboard is JSON and asks for nothing else; a histogram has three names.
perl -MJSON::PP -0777 -ne 'decode_json($_)' "$tests/../etc/grafana/iscsi-userland.json" || fail "the dashboard"
named=$(grep -o 'iscsi_[a-z_]*' "$tests/../etc/grafana/iscsi-userland.json" | sort -u)
there=$(sed -n 's/^# TYPE \([^ ]*\) histogram$/\1_bucket \1_count \1_sum/p; s/^# TYPE \([^ ]*\) .*/\1/p' \
    "$WORK/old" | tr ' ' '\n' | sort -u)
[ -n "$named" ] && [ -z "$(comm -23 <(echo "$named") <(echo "$there"))" ] ||
    fail "the dashboard asks for: $(comm -23 <(echo "$named") <(echo "$there"))"

# Clients that do not behave hold up nobody.
sleep 60 | socat - "UNIX-CONNECT:$socket" &
silent=$!
at_end "kill $silent 2>/dev/null"
answer=$(printf 'no such thing\r\n\r\n' | socat -t 5 - "UNIX-CONNECT:$socket")
[[ $answer == "HTTP/1.1 400 "* ]] || fail "rubbish: $answer"
answer=$(printf 'GET /other HTTP/1.1\r\nHost: x\r\n\r\n' | socat -t 5 - "UNIX-CONNECT:$socket")
[[ $answer == "HTTP/1.1 404 "* ]] || fail "another path: $answer"
metrics

if [ "$(id -u)" -eq 0 ] && [ -c /dev/fuse ] && [ -c /dev/loop-control ] && command -v tgtd >/dev/null; then
    start_target
    add_target 1 "$TARGET_NAME" 32M 32M
    log_in
    lun=("target=\"$TARGET_NAME\"" "portal=\"$PORTAL\"" 'lun="1"' "disk=\"${disk[0]#/dev/}\"")
    session=("target=\"$TARGET_NAME\"" 'sid="1"')
    before=$(now iscsi_lun_bytes_total "${lun[@]}" 'operation="write"')
    dd if=/dev/zero of="${disk[0]}" bs=64k count=16 oflag=direct status=none
    iscsiadm -m session --metrics | "$tests/support/openmetrics" --old |
        grep "^iscsi_lun_bytes_total{.*operation=\"write\"} $((before + 1048576))\$" || fail "--metrics"
    becomes $((before + 1048576)) iscsi_lun_bytes_total "${lun[@]}" 'operation="write"'
    [ "$(value iscsi_lun_requests_total "${lun[@]}" 'operation="write"')" -eq \
        "$(value iscsi_lun_request_duration_seconds_count "${lun[@]}" 'operation="write"')" ] ||
        fail "requests and latencies"
    [ "$(value iscsi_session_up "${session[@]}")" -eq 1 ] || fail "the session is up"

    # A target that is gone: what waits is seen while it waits, and who asks does not wait with it.
    kill -STOP "$tgtd_pid"
    dd if=/dev/zero of="${disk[0]}" bs=4k count=1 oflag=direct status=none &
    writer=$!
    becomes 1 iscsi_lun_commands_sent "${lun[@]}"
    [ "$(value iscsi_lun_requests_in_flight "${lun[@]}" 'operation="write"')" -eq 1 ] || fail "in flight"
    kill -CONT "$tgtd_pid"
    wait "$writer" || fail "the write"

    # The connection is lost and comes back.
    [ "$(value iscsi_session_reconnects_total "${session[@]}")" -eq 0 ] || fail "a reconnection"
    stop_target
    PATIENCE=20 becomes 0 iscsi_session_up "${session[@]}"
    [ "$(value iscsi_session_state "${session[@]}" '_state="failed"')" -eq 1 ] || fail "its state"
    TARGET_PORT=$PORT start_target
    add_target 1 "$TARGET_NAME" 32M 32M
    PATIENCE=30 becomes 1 iscsi_session_up "${session[@]}"
    [ "$(value iscsi_session_reconnects_total "${session[@]}")" -eq 1 ] || fail "no reconnection"
    log_out
    becomes 0 iscsi_sessions
fi
stop_iscsid
[ ! -e "$socket" ] || fail "the socket is left"
echo 'iscsid.metrics_socket =' >>"$ISCSI_CONFIG_DIR/iscsid.conf"
start_iscsid
[ ! -e "$socket" ] || fail "a socket that nobody wants"
stop_iscsid
echo "iscsid.metrics_socket = $WORK/file" >>"$ISCSI_CONFIG_DIR/iscsid.conf"
echo mine >"$WORK/file"
start_iscsid
grep -q "no metrics: $WORK/file: cannot listen" "$WORK/iscsid.log" || fail "no warning"
[ "$(cat "$WORK/file")" = mine ] || fail "the file was replaced"
