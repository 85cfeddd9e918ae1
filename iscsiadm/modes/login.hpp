#pragma once

#include "iscsiadm/modes/context.hpp"

#include <vector>

namespace iscsi::cli {

// A record that wants more sessions than it has.
struct wanted_login {
    admin::node_id node;
    std::size_t requested = 1; // node.session.nr_sessions
    std::size_t present = 0;

    bool satisfied() const { return present >= requested; }
};

std::vector<wanted_login> plan_logins(
    const std::vector<admin::record>& nodes, const std::vector<admin::session_info>& sessions
);

// Logs in to every record: all are sent at once, the results are printed as they come. With
// `wait` false it returns when the daemon has taken the requests.
exit_code log_in(const std::vector<admin::record>& nodes, bool wait, context& at);

// Logs out of these sessions, grouped by target.
exit_code log_out(std::vector<admin::session_info> sessions, context& at);

// Has the LUNs of these sessions looked for again, in the order given.
exit_code rescan(const std::vector<admin::session_info>& sessions, context& at);

} // namespace iscsi::cli
