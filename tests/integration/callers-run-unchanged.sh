#!/usr/bin/env bash
# Programs that were written for open-iscsi's iscsiadm run their whole cycle with ours, unchanged: the
# resource agent of Pacemaker and the module of Ansible, from Debian's packages, which are extracted below
# build/ and not installed. Of curtin, which Debian 12 does not have, the commands.
. "$(dirname "$0")/../support/functions.sh"
. "$(dirname "$0")/../support/packages.sh"
requires_loop_disks
requires dpkg-deb apt-get ps awk
[ -x /usr/bin/python3 ] || skip "needs python3"

CALLERS=$BUILD/callers
PYTHON=usr/lib/python3/dist-packages

# Only what is run is kept: Ansible's packages are large.
fetch_callers() {
    [ ! -e "$CALLERS/open_iscsi.py" ] || return 0
    local folder=$WORK/packages
    fetch_packages "$folder" resource-agents ansible-core ansible ||
        skip "cannot fetch resource-agents, ansible-core and ansible"
    rm -rf "$CALLERS" "$CALLERS.new"
    mkdir -p "$CALLERS.new"
    mv "$folder/files/usr/lib/ocf" "$CALLERS.new/ocf"
    mv "$folder/files/$PYTHON/ansible" "$CALLERS.new/ansible"
    mv "$folder/files/$PYTHON/ansible_collections/community/general/plugins/modules/open_iscsi.py" \
        "$CALLERS.new/"
    rm -rf "$folder"
    mv "$CALLERS.new" "$CALLERS"
}

fetch_callers
start_target
add_target 1 "$TARGET_NAME" 32M
start_iscsid
logged_in() { iscsiadm -m session | grep -qF "$TARGET_NAME"; }

# ---- resource-agents, heartbeat/iscsi ----
export OCF_ROOT=$CALLERS/ocf OCF_RESKEY_portal=$PORTAL OCF_RESKEY_target=$TARGET_NAME OCF_RESKEY_udev=no
export HA_RSCTMP=$WORK/ha OCF_RESOURCE_INSTANCE=disks HA_LOGFILE=$WORK/ha.log HA_debug=0
mkdir -p "$HA_RSCTMP"
agent() { timeout 60 "$OCF_ROOT/resource.d/heartbeat/iscsi" "$1"; }
not_running=7 # OCF_NOT_RUNNING

expect_exit 0 agent validate-all
expect_exit $not_running agent monitor
expect_exit 0 agent stop # what does not run is stopped
expect_exit 0 agent start
logged_in || fail "the agent says that it has started"
expect_exit 0 agent monitor
expect_exit 0 agent start # again
[ "$(iscsiadm -m session | wc -l)" -eq 1 ] || fail "one session expected"
expect_exit 0 agent status
expect_out "running"
expect_exit 0 agent stop
if logged_in; then fail "the agent says that it has stopped"; fi
expect_exit $not_running agent monitor
expect_exit 0 agent start # its record is there now
expect_exit 0 agent stop
expect_exit 0 iscsiadm -m node -o delete

# ---- Ansible, community.general.open_iscsi ----
# ansible JSON: the module as Ansible runs it on a host; what it answers goes to $WORK/out.
ansible() {
    echo "{\"ANSIBLE_MODULE_ARGS\": $1}" >"$WORK/arguments.json"
    PYTHONPATH=$CALLERS PYTHONDONTWRITEBYTECODE=1 timeout 60 \
        /usr/bin/python3 "$CALLERS/open_iscsi.py" "$WORK/arguments.json"
}
address=${PORTAL%:*} port=${PORTAL##*:}
at_portal="\"portal\": \"$address\", \"port\": \"$port\""
target="\"target\": \"$TARGET_NAME\""

expect_exit 0 ansible "{$at_portal, \"discover\": true, \"show_nodes\": true}"
expect_out "\"nodes\": [\"$TARGET_NAME\"]"
expect_out '"cache_updated": true'
expect_exit 0 ansible "{$at_portal, \"discover\": true}"
expect_out '"changed": false' # a second time it finds nothing new
expect_exit 0 ansible "{$at_portal, $target, \"login\": true}"
expect_out '"connection_changed": true'
logged_in || fail "the module says that it has logged in"
expect_exit 0 ansible "{$at_portal, $target, \"login\": true}"
expect_out '"changed": false'
expect_exit 0 ansible "{$target, \"auto_node_startup\": true}"
expect_out '"automatic_changed": true'
[ "$(sed -n 's/^node.startup = //p' "$ISCSI_DATABASE_DIR/nodes/$TARGET_NAME"/*/default)" = automatic ] ||
    fail "node.startup is not automatic"
expect_exit 0 ansible "{$target, \"auto_node_startup\": true}"
expect_out '"automatic_changed": false'
expect_exit 0 ansible "{$at_portal, $target, \"auto_portal_startup\": false}"
expect_out '"automatic_portal_changed": true'
expect_exit 0 ansible "{$target, \"rescan\": true}"
expect_out "Rescanning session [sid: "
expect_exit 0 ansible "{\"rescan\": true}"
expect_exit 0 ansible "{$at_portal, $target, \"login\": false}"
if logged_in; then fail "the module says that it has logged out"; fi
expect_exit 0 ansible "{$at_portal, $target, \"login\": false}"
expect_out '"changed": false'
expect_exit 1 ansible "{$at_portal, \"target\": \"iqn.2026-11.org.example:none\", \"login\": true}"
expect_out "Specified target not found"

# With CHAP it sets the keys by --op=update before it logs in; a wrong secret is told with the reason.
tgtadm --lld iscsi --op new --mode account --user alice --password "$SECRET"
tgtadm --lld iscsi --op bind --mode account --tid 1 --user alice
secret() { echo "\"node_user\": \"alice\", \"node_pass\": \"$1\""; }
expect_exit 1 ansible "{$at_portal, $target, \"login\": true, $(secret wrong-secret)}"
expect_out "authorization failure"
expect_exit 0 ansible "{$at_portal, $target, \"login\": true, $(secret "$SECRET")}"
logged_in || fail "the module says that it has logged in with CHAP"
expect_exit 0 ansible "{$at_portal, $target, \"login\": false}"

# ---- curtin, curtin/block/iscsi.py ----
# No Debian package of this release has it: its commands, in its order, and what it asks of the answers.
curtin_sessions() { iscsiadm --mode=session --op=show || [ $? -eq 21 ]; }
curtin_is_connected() { curtin_sessions | grep -qF "$TARGET_NAME"; }
curtin_node() { iscsiadm --mode=node "--targetname=$TARGET_NAME" "--portal=$PORTAL" "$@"; }
curtin_update() { expect_exit 0 curtin_node --op=update "--name=$1" "--value=$2"; }

expect_exit 0 iscsiadm -m node -o delete
tgtadm --lld iscsi --op new --mode account --user target-of-alice --password "$TARGET_SECRET"
tgtadm --lld iscsi --op bind --mode account --tid 1 --user target-of-alice --outgoing
expect_exit 0 curtin_sessions
if curtin_is_connected; then fail "no session is there, and curtin sees one"; fi
expect_exit 0 iscsiadm --mode=discovery --type=sendtargets "--portal=$PORTAL"
curtin_update node.session.auth.authmethod CHAP
curtin_update node.session.auth.username_in target-of-alice
curtin_update node.session.auth.password_in "$TARGET_SECRET"
curtin_update node.session.auth.authmethod CHAP
curtin_update node.session.auth.username alice
curtin_update node.session.auth.password "$SECRET"
expect_exit 0 curtin_node --login
curtin_is_connected || fail "curtin does not see the session that it has made"
curtin_update node.startup automatic
# What it copies to the new system: the record of host,port and tag, by which it means the LUN.
record=$ISCSI_DATABASE_DIR/nodes/$TARGET_NAME/$address,$port,1/default
grep -qx "node.startup = automatic" "$record" || fail "$record is not what curtin copies: $(cat "$record")"
# disconnect_target_disks: by the names of folders.
for folder in "$ISCSI_DATABASE_DIR/nodes/$TARGET_NAME"/*; do
    IFS=, read -r host number _ <<<"${folder##*/}"
    expect_exit 0 iscsiadm --mode=node "--targetname=$TARGET_NAME" "--portal=$host:$number" --logout
done
if curtin_is_connected; then fail "curtin has logged out, and sees a session"; fi
