#pragma once

#include "iscsid/disk/helper.hpp"

#include <chrono>
#include <optional>
#include <string>

// What drivers do with a device node of theirs, by its name under /dev and /sys/block. What may
// wait for the device itself goes through the helper, and no answer of the kernel reads as "no".
namespace iscsid::disk {

std::optional<std::string> get_attribute(const std::string& node, const std::string& attribute);

// Writes /sys/block/<node>/<attribute>. False: there is none, or the kernel refuses the value.
bool set_attribute(
    helper& waiter, const std::string& node, const std::string& attribute, const std::string& value
);

bool is_known_to_kernel(const std::string& node);

// Waits for the node to appear under /dev. False: it did not.
bool wait_for_node(const std::string& node, std::chrono::milliseconds limit);

// Whether it is mounted, swap, or held by another device (LVM, RAID).
bool is_held_by_others(helper& waiter, const std::string& node);

// Write protection of the device and its partitions, as `blockdev --setro` sets it: unlike that
// which a driver is told when the device is made, it can be lifted again. Faults: cannot_follow
// when the kernel does not allow it, or the device was made read-only.
iscsi::result<void> protect_node(helper& waiter, const std::string& node, bool read_only);

// Loads a module of the kernel. False: it is not there.
bool load_module(helper& waiter, const std::string& name, const std::string& option = {});

} // namespace iscsid::disk
