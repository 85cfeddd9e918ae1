#!/usr/bin/env bash
# The steps of the Containerfile, in a chroot over this machine's own root as the base image, and a container of
# it: it has a name of its own, logs in, and serves a LUN that is read and written.
. tests/support/functions.sh
requires_root
requires cpack dpkg-shlibdeps apt-get nbdcopy unshare
unshare -m true 2>/dev/null && grep -qw overlay /proc/filesystems || skip "needs mount namespaces and overlay"
file=etc/container/Containerfile
tree=$WORK/mnt

# Mounts are of this process and its children alone.
if [ "${1:-}" != --in-namespace ]; then
    tests/support/make-package --stripped "$BUILD" "$WORK/image" 1 >"$WORK/cpack" 2>&1 || fail "cpack: $(cat "$WORK/cpack")"
    cp etc/container/* "$WORK/image/"
    IMAGE=$WORK/image tests/support/own-mounts bash "$0" --in-namespace
    exit
fi

# The machine's root, with writes to memory; nothing runs there but what the steps start.
make_tree() {
    mkdir "$WORK/over" && mount -t tmpfs over "$WORK/over" && mkdir -p "$WORK/over"/{up,work} "$tree" &&
        mount -t overlay base -o "lowerdir=/,upperdir=$WORK/over/up,workdir=$WORK/over/work" "$tree" ||
        skip "no overlay over /"
    mount -t proc proc "$tree/proc" && mount --rbind /dev "$tree/dev" && mount -t sysfs sys "$tree/sys" &&
        mount -t tmpfs run "$tree/run" && mount -t tmpfs tmp "$tree/tmp" || fail "mounts"
    at_end "umount -R -l $tree $WORK/over"
    # A container's own root may have another one below the mount of this.
    cat /etc/resolv.conf >"$WORK/resolv.conf" && rm -f "$tree/etc/resolv.conf" &&
        cp "$WORK/resolv.conf" "$tree/etc/" || fail "resolv.conf"
}

enter_tree() { exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive chroot "$tree" "$@"; }
in_tree() { (enter_tree "$@"); }

# Its instructions, one on a line, without comments.
instructions() { sed '/^ *#/d; /^$/d' "$file" | sed -e ':a' -e '/\\$/N; s/\\\n//; ta'; }

run_steps() {
    local word rest from to
    while read -r word rest; do
        case $word in
        FROM) [[ $rest == debian:bookworm* ]] || fail "another base: $rest" ;;
        COPY)
            read -r from to <<<"$rest"
            # shellcheck disable=SC2086 # a pattern
            cp $IMAGE/$from "$tree$to" || fail "COPY $rest"
            ;;
        RUN) in_tree sh -ec "$rest" >"$WORK/step" 2>&1 </dev/null || fail "RUN $rest: $(tail -n 20 "$WORK/step")" ;;
        ENTRYPOINT) entrypoint=$(sed 's/^\["\(.*\)"\]$/\1/' <<<"$rest") ;;
        *) fail "unknown instruction $word" ;;
        esac
    done < <(instructions)
    [ ! -e "$tree/etc/iscsi/initiatorname.iscsi" ] || fail "all containers would have one name"
}

is_serving() { in_tree iscsiadm -m session; [ $? -eq 21 ] && [ -S "$tree/run/iscsid/iscsid.sock" ]; }

# run_container: its first process.
run_container() {
    echo "iscsid.disk.driver = export" >>"$tree/etc/iscsi/iscsid.conf"
    enter_tree "$entrypoint" -n >"$WORK/iscsid.log" 2>&1 &
    container=$!
    at_end "kill $container 2>/dev/null; wait $container"
    wait_until 20 is_serving || fail "$entrypoint does not serve"
    grep -q '^InitiatorName=iqn' "$tree/etc/iscsi/initiatorname.iscsi" || fail "no name"
}

expect_a_served_lun() {
    local uri="nbd+unix:///?socket=$tree/run/iscsid/nbd/$TARGET_NAME-lun-1.sock"
    expect_exit 0 in_tree iscsiadm -m discovery -t st -p "$PORTAL"
    expect_exit 0 in_tree iscsiadm -m node -l
    dd if=/dev/urandom of="$WORK/data" bs=1M count=4 status=none
    expect_exit 0 nbdcopy --flush "$WORK/data" "$uri"
    cmp "$WORK/data" "$WORK/lun-1-1" || fail "the target has something else"
    expect_exit 0 in_tree iscsiadm -m node -u
}

start_target
add_target 1 "$TARGET_NAME" 4M
make_tree
run_steps
run_container
expect_a_served_lun
kill $container && wait $container || fail "it ends with $?"
echo "an image is made by its steps"
