# shellcheck shell=bash
# Debian's own kernels, and QEMU to run them: for tests/vm/run, and for what boots in its own way. Sourced; the
# caller has set $root, the checkout, and `die`.
cache=$root/build/vm
# Without what TCG does badly: CMPXCHG16B leaves rubbish in EFLAGS (QEMU 7.2), strings are moved byte by
# byte (erms), page tables have a fifth level (la57), STAC and CLAC end a block (smap).
cpu=max,-cx16,-erms,-la57,-smap
# Nothing of it proves anything here, and it takes a seventh of the time.
# shellcheck disable=SC2034 # for who sources this
kernel_words="console=ttyS0 quiet panic=-1 oops=panic mitigations=off init_on_alloc=0"

# The name of the package that holds this kernel.
kernel_package() {
    local meta=linux-image-6.12-amd64
    [ "$1" = 6.12 ] || meta=linux-image-amd64
    apt-cache depends "$meta" 2>/dev/null | awk '/Depends: linux-image-[0-9]/ { print $2; exit }'
}

# fetch_kernel 6.12|6.1: fetches and unpacks it once; it is never installed. Sets $unpacked and $version.
fetch_kernel() {
    local package
    package=$(kernel_package "$1")
    [ -n "$package" ] || { apt-get -qq update; package=$(kernel_package "$1"); }
    [[ $package == linux-image-$1* ]] || die "apt knows no kernel $1 (got '$package')"
    version=${package#linux-image-}
    unpacked=$cache/$version
    [ -e "$unpacked/ready" ] && return
    mkdir -p "$cache"
    exec 9>"$cache/lock" && flock 9
    [ -e "$unpacked/ready" ] && return
    rm -rf "$unpacked"
    mkdir -p "$unpacked/download"
    (cd "$unpacked/download" && apt-get -qq download "$package") >/dev/null 2>&1 ||
        die "apt-get could not download $package"
    dpkg -x "$unpacked"/download/*.deb "$unpacked" && rm -rf "$unpacked/download" &&
        depmod -b "$unpacked" "$version" && touch "$unpacked/ready" ||
        die "$package could not be unpacked"
    flock -u 9
}

# emulate SECONDS MEMORY CONSOLE WORD…: one run of the machine with $processors (2); WORDs are more options of
# QEMU. One thread for all processors: with one each, a processor may run code of the kernel that another has
# just patched (Oops: int3, one boot in twenty), and two VMs on two processors take twice the time.
emulate() {
    timeout --kill-after=5 "$1" qemu-system-x86_64 -accel tcg,thread=single -cpu "$cpu" -smp "${processors:-2}" \
        -m "$2" -nographic -no-reboot -monitor none -serial "file:$3" \
        -kernel "$unpacked/boot/vmlinuz-$version" "${@:4}" </dev/null
}
