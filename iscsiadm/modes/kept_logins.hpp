#pragma once

#include "iscsiadm/modes/context.hpp"

#include <cstddef>
#include <functional>

namespace iscsi::cli {

// Says what iscsid tries to log in to and has not reached, a line each on stderr; only where people
// or programs that read documents are told (context::hints). Without a daemon it says nothing.
void tell_kept_logins(context& at);

// Has iscsid try no more to log in to the nodes that are meant, which is said on stderr; how many
// there were. Nothing is done without a daemon, or with --dry-run.
std::size_t end_kept_logins(const std::function<bool(const admin::node_id&)>& means, context& at);

} // namespace iscsi::cli
