#pragma once

#include "iscsiadm/cli/modes.hpp"
#include "iscsiadm/modes/context.hpp"

#include "libiscsi/admin/messages.hpp"
#include "libiscsi/admin/record_store.hpp"

namespace iscsi::cli {

// -o update of one session: its node record is changed, and the session takes over what it can
// while it runs. What only another session takes is said to people; on stdout there is nothing, as
// with open-iscsi. When the session refuses, its record is changed all the same, and that is said.
exit_code update_session(
    const admin::session_info& session,
    const admin::node_filter& record_of_it,
    const assignments& changes,
    context& at
);

} // namespace iscsi::cli
