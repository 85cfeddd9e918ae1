#pragma once

#include "iscsid/session/login_plan.hpp"
#include "iscsid/session/outcome.hpp"
#include "iscsid/session/results.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace iscsid::session {

// What the plan asks for. By SendTargets=All to one portal: discovery session, question, logout. A
// connection that cannot be made or is lost, and an answer that does not come in time, are tried
// again after a second, reopen_max times; an answer that breaks the protocol is not. May be
// cancelled at any point.
//
// Codes of the failure, as open-iscsi's: transport (4) host name does not resolve; pdu_timeout
// (11) tries used up, no answer, or none that can be used; login_auth_failed (24); fatal_login
// (19). For an iSNS server see discover_by_isns().
boost::asio::awaitable<outcome<std::vector<discovered_portal>>>
discover(discovery_plan plan, boost::asio::any_io_executor resolvers, note_taker note);

} // namespace iscsid::session
