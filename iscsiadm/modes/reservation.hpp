#pragma once

#include "iscsiadm/cli/modes.hpp"
#include "iscsiadm/modes/context.hpp"

namespace iscsi::cli {

// Asks for the persistent reservations of a LUN of this session, or changes them.
// Exit codes: 28 where another reservation is in the way, 21 where there is no such LUN, 27 where
// the target cannot, 7 where it does not take the keys, 29 where the unit cannot for now, 32
// without a connection, 33 for no answer in time; 11 where a change may have been done or not.
exit_code reserve(const reservation_wish& wish, const admin::session_info& session, context& at);

} // namespace iscsi::cli
