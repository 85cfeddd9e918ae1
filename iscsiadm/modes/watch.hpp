#pragma once

#include "iscsiadm/cli/modes.hpp"
#include "iscsiadm/modes/context.hpp"

namespace iscsi::cli {

// `-m session --watch`: what the sessions do, every second until nobody looks any more. A session
// that ends disappears, another one appears; a daemon that is away is waited for. `which` of them
// is one that was there at the beginning. The exit code is that of the last look.
exit_code watch_sessions(const session_mode& mode, context& at);

} // namespace iscsi::cli
