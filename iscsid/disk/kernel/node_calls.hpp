#pragma once

#include "iscsid/os/descriptor.hpp"

#include "libiscsi/base/result.hpp"

#include <functional>
#include <string>

// What is done with a device node under /dev and /sys/block. Each of these may wait for requests of
// the device itself, and so for the process that serves it: never in that process.
namespace iscsid::disk {

// Writes /sys/block/<node>/<attribute>; the kernel may wait until the device is idle. False: there
// is none, or the kernel refuses the value.
bool write_attribute(
    const std::string& node, const std::string& attribute, const std::string& value
);

// Mounted, swap, or held by another device (LVM, RAID): an exclusive open tells, without a race
// and without a walk through /sys.
bool is_held_by_others(const std::string& node);

// Holds a device against mounts, swap, builders and udev's probes, flushes it, lets `end` end it,
// and lets go of it. Faults: busy when somebody holds it already, and nothing has been done; what
// `end` says; flush_failed when it is gone, but not all that was written is on the medium.
iscsi::result<void>
flush_and_end(const std::string& node, const std::function<iscsi::result<void>()>& end);

// Lets the kernel look for partitions again. Busy or without partitions: as it was.
void scan_partitions(const std::string& node);

// Write protection of the device and its partitions (BLKROSET). Faults: cannot_follow when the
// kernel does not allow it, or the device was made read-only, which is for its life.
iscsi::result<void> protect_node(const std::string& node, bool read_only);

// Loads a module of the kernel, without waiting longer than some seconds. False: it is not there.
bool load_module(const std::string& name, const std::string& option);

} // namespace iscsid::disk
