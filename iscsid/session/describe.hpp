#pragma once

#include "iscsid/session/disks.hpp"
#include "iscsid/session/login_plan.hpp"
#include "iscsid/session/supervisor.hpp"

#include "libiscsi/admin/messages.hpp"

namespace iscsid::session {

// What `iscsiadm -m session -P 3` shows of one session. No secret goes in.
iscsi::admin::session_info
describe(const login_plan& plan, const supervisor& watch, const lane::session_view& seen);

// open-iscsi's words.
std::string_view to_text(iscsi::connection_state state); // "LOGGED IN"
std::string_view to_text(iscsi::session_state state);    // "LOGGED_IN"

} // namespace iscsid::session
