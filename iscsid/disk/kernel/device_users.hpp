#pragma once

#include "libiscsi/base/result.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

// Who uses a block device, and making all of them write what they hold. Reads /proc and /sys as the
// calling process sees them: mounts of all mount namespaces that one of its processes is in. What
// writes waits for the device: never in the process that serves it.
namespace iscsid::disk {

struct block_device {
    std::string node; // under /dev: "loop3", "loop3p1", "dm-0"
    dev_t number = 0;

    friend bool operator==(const block_device&, const block_device&) = default;
};

// What lies above a node and the node itself, each behind all that lies above it: partitions,
// holders (LVM, RAID, multipath) and loop devices over one of them, with theirs.
std::vector<block_device> devices_above(const std::string& node);

// Who uses each of these nodes, in a few words: "mounted on /srv, held by dm-0", "swap", "open in
// dd (123)". Empty: nobody that can be seen.
std::vector<std::string> users_of(const std::vector<std::string>& nodes);

// All filesystems on it, then the devices from the highest down to the node: what their caches hold
// is written, and each is told to flush. Filesystems that only others see are written by way of
// their device. Faults: flush_failed, of the first that could not be written.
iscsi::result<void> flush_with_users(const std::string& node);

// The node alone: what its own cache holds, and a flush.
iscsi::result<void> flush_device(const std::string& node);

} // namespace iscsid::disk
