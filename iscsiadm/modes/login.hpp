#pragma once

#include "iscsiadm/modes/context.hpp"

#include <vector>

namespace iscsi::cli {

// A record that wants more sessions than it has.
// `present` counts sessions by path (see uses()), whatever made them.
struct wanted_login {
    admin::node_id node;
    std::size_t requested = 1; // node.session.nr_sessions
    std::size_t present = 0;
    bool leading = false; // node.leading_login

    bool satisfied() const { return present >= requested; }
};

// One for each record, in the order of the records; nr_sessions below 1 counts as 1.
std::vector<wanted_login> plan_logins(
    const std::vector<admin::record>& nodes, const std::vector<admin::session_info>& sessions
);

struct login_manner {
    bool wait = true;         // else it is over when the daemon has taken the requests
    bool keep_trying = false; // the daemon tries on what has failed
};

// Logs in to every record: all are sent at once, the results are printed as they come.
// Exit codes: 15 where all sessions were there already, else the first failure: 8 timeout, 24
// authorization, 19 other refusals of the target, 20 no daemon. With keep_trying 8 is also what is
// not there after iscsid.autologin_wait.
exit_code log_in(const std::vector<admin::record>& nodes, login_manner how, context& at);

// The same for the records of these nodes as they are stored now; those without one are passed
// over, and without any it is open-iscsi's "No records found".
exit_code log_in_to_recorded(const std::vector<admin::node_id>& nodes, context& at);

// Begins one session more of this record, whatever its nr_sessions.
exit_code log_in_once_more(const admin::record& node, context& at);

// Logs out of these sessions, grouped by target.
// Exit codes: 28 for one whose disks are in use, 10 for one that did not end well, else the first
// failure.
exit_code log_out(std::vector<admin::session_info> sessions, context& at);

// Has the LUNs of these sessions looked for again, in the order given.
exit_code rescan(const std::vector<admin::session_info>& sessions, context& at);

// Ends what waits for the connection of this session.
// Exit codes: 16 where nothing waits for a connection, 32 for a login that is under way.
exit_code fail_io(const admin::session_info& session, context& at);

// Makes one LUN of this session a disk, or takes its disk away. What was done already is done.
// Exit codes: 21 for a LUN that is not there, 16 for one that is no disk, 33 for one that does not
// answer, 28 for a disk that is in use.
exit_code
order_lun(const admin::session_info& session, std::uint64_t lun, bool attach, context& at);

// Shows what the LUNs of these sessions are.
exit_code describe_luns(const std::vector<admin::session_info>& sessions, context& at);

} // namespace iscsi::cli
