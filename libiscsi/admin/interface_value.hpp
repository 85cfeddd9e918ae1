#pragma once

#include "libiscsi/base/result.hpp"

#include <string_view>

namespace iscsi::admin {

// What a user may set in an interface: more than its row asks, which also holds for the values that
// files have. The empty text, "<empty>" and "default" mean unset, as in open-iscsi. Other keys take
// everything. Faults: setting_errc, name_errc.
result<void> check_interface_value(std::string_view key, std::string_view value);

} // namespace iscsi::admin
