#pragma once

#include "iscsid/disk/helper.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace iscsid::disk {

// Removes the ublk devices of whose nonce (disk_request::nonce) `is_orphan` says so, and gives
// their names. For the start of a daemon, when nobody serves them. Waits for the helper.
std::vector<std::string>
remove_ublk_orphans(helper& waiter, const std::function<bool(std::uint64_t nonce)>& is_orphan);

} // namespace iscsid::disk
