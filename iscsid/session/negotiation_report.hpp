#pragma once

#include "libiscsi/core/parameters.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace iscsid::session {

// A value of iscsid.strict_negotiation.
iscsi::negotiation_mode negotiation_mode_of(std::string_view strict);

// The log line about login parameters that a target got wrong and that were let through: each key
// with what the target said and what is used.
std::string describe_breaches(const std::vector<iscsi::negotiation_warning>& warnings);

// One warning in the log, or none when there is nothing to tell. `target` is empty for discovery.
void log_breaches(
    std::string_view target,
    std::string_view address,
    const std::vector<iscsi::negotiation_warning>& warnings
);

} // namespace iscsid::session
