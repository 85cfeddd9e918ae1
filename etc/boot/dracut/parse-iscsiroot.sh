#!/bin/sh
# Sourced by dracut when it reads the command line: what there is to log in to, and when that is tried.
#   root=iscsi:WHERE or netroot=iscsi:WHERE…, with [USER:SECRET[:USER:SECRET]@]ADDRESS:[PROTOCOL]:[PORT]:[LUN]:TARGET
#   rd.iscsi.firmware=1 for the targets of the firmware

iscsi_roots=$(for each in $(getargs netroot=); do
    case $each in iscsi:*) echo "$each" ;; esac
done)
case ${root:-} in
iscsi:*)
    iscsi_roots=$root
    # The disk itself is the filesystem.
    echo 'ENV{DEVTYPE}!="partition", SYMLINK=="disk/by-path/*-iscsi-*-lun-*", SYMLINK+="root"' \
        >>/etc/udev/rules.d/99-iscsi-root.rules
    root=/dev/root
    type write_fs_tab >/dev/null 2>&1 || . /lib/fs-lib.sh
    write_fs_tab /dev/root
    ;;
esac

iscsi_wait_for() {
    echo "[ -f '/tmp/iscsistarted-$1' ]" >"$hookdir/initqueue/finished/iscsi-$1.sh"
}

if getargbool 0 rd.iscsi.firmware; then
    modprobe -b -q iscsi_ibft
    netroot=${netroot:-iscsi:}
    iscsi_wait_for firmware
    initqueue --unique --online /sbin/iscsiroot online iscsi: "$NEWROOT"
    initqueue --unique --onetime --settled /sbin/iscsiroot settled iscsi: "$NEWROOT"
fi

iscsi_number=0
for each in $iscsi_roots; do
    iscsi_number=$((iscsi_number + 1))
    netroot=$each
    iscsi_wait_for "$(echo "$each" | md5sum | cut -c1-16)"
    # With a network that somebody else has set up there is no "online".
    getargbool 1 rd.neednet && getarg ip= >/dev/null ||
        initqueue --unique --settled --name "iscsi-$iscsi_number" /sbin/iscsiroot settled "$each" "$NEWROOT"
done
# shellcheck disable=SC2034 # for dracut
[ -z "$iscsi_roots" ] || rootok=1
