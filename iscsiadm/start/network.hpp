#pragma once

#include "iscsiadm/modes/ibft.hpp"

#include <string>
#include <vector>

namespace iscsi::start {

// Gives each network device of these targets the address that the firmware had, brings it up, and
// makes a route through its gateway to a target that is not in its network, as open-iscsi does. One
// line for each that could not be done; those without a device are passed over.
std::vector<std::string> bring_up(const std::vector<cli::boot_target>& targets);

} // namespace iscsi::start
