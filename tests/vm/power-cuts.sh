#!/usr/bin/env bash
# Power cuts with a disk of the kernel's own drivers. Usage: power-cuts.sh DRIVER [CUTS]
modprobe -a ext4
exec bash tests/integration/power-cuts-keep-what-was-flushed.sh "${1:?ublk or nbd}" "${2:-3}"
