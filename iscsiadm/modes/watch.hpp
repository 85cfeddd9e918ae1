#pragma once

#include "iscsiadm/modes/context.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace iscsi::cli {

// `-m session --watch`: what the sessions do, every second until nobody looks any more. A session
// that ends disappears, another one appears; a daemon that is away is waited for. `first` is the
// first look, with attached_lun::io; `only`: nothing but the session of this number. The exit code
// is that of the last look.
exit_code watch_sessions(
    std::vector<admin::session_info> first, std::optional<std::uint32_t> only, context& at
);

} // namespace iscsi::cli
