#pragma once

#include "iscsid/disk/helper.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

// Devices that stay in use while what was written to them is made safe. Calls block: for a worker.
namespace iscsid::disk {

struct flush_patience {
    std::chrono::milliseconds without_progress{}; // since `progress` has moved
    std::chrono::milliseconds at_most{};
    std::function<std::uint64_t()> progress{}; // none: nothing moves
};

// Flushes all of these devices side by side, each with the filesystems and devices on it; one that
// hangs holds up no other. Where something above a device hangs, the device itself is flushed at
// the end, which takes `last_flush_limit` at most. One result for each, in their order. Faults:
// flush_failed; no_answer, helper_failed.
inline constexpr std::chrono::seconds last_flush_limit{2};
std::vector<iscsi::result<void>>
flush_nodes(helper& waiter, const std::vector<std::string>& nodes, const flush_patience& patience);

// Who uses each of these devices, in words ("mounted on /srv"); empty: nobody, or nobody can say.
std::vector<std::string> users_of_nodes(helper& waiter, const std::vector<std::string>& nodes);

} // namespace iscsid::disk
