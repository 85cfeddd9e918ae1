#pragma once

#include "libiscsi/base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace iscsid::disk {

// What clean_stale() found of a daemon that was killed.
struct stale_disks {
    std::vector<std::string> removed; // "loop3", and mount points
    std::vector<iscsi::fault> in_use; // give errors, and go when they are closed; their mounts stay
};

// Removes the loop devices and mounts below <runtime_folder>/disks that nobody uses. For the start
// of the daemon, when no disk of its own exists. Waits up to two seconds for each one in use.
stale_disks clean_stale(const std::string& runtime_folder);

// The mount points of /proc/self/mountinfo (proc(5)) below a folder, the newest first.
std::vector<std::string> mounts_below(std::string_view mountinfo, const std::string& folder);

} // namespace iscsid::disk
