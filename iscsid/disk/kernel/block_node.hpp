#pragma once

#include "iscsid/os/descriptor.hpp"

#include "libiscsi/base/result.hpp"

#include <chrono>
#include <optional>
#include <string>

// What drivers do with a device node of theirs, by its name under /dev and /sys/block.
namespace iscsid::disk {

// Writes /sys/block/<node>/<attribute>. False: there is none, or the kernel refuses the value.
bool set_attribute(const std::string& node, const std::string& attribute, const std::string& value);
std::optional<std::string> get_attribute(const std::string& node, const std::string& attribute);

bool is_known_to_kernel(const std::string& node);

// Waits for the node to appear under /dev. False: it did not.
bool wait_for_node(const std::string& node, std::chrono::milliseconds limit);

// Nobody mounts, swaps to or builds on a device while this descriptor is open, and udev does not
// probe it; what was written is on the medium, or `flushed` says why not. Faults: disk_errc::busy
// when somebody does already.
struct held_node {
    os::descriptor held;
    iscsi::result<void> flushed;
};

iscsi::result<held_node> hold_and_flush(const std::string& node);

// Lets the kernel look for partitions again.
void scan_partitions(const std::string& node);

// Loads a module of the kernel, without waiting longer than some seconds. False: it is not there.
bool load_module(const std::string& name, const std::string& option = {});

} // namespace iscsid::disk
