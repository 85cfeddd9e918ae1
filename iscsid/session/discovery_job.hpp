#pragma once

#include "iscsid/session/login_plan.hpp"
#include "iscsid/session/outcome.hpp"
#include "iscsid/session/results.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>

namespace iscsid::session {

// What open-iscsi prints while it tries: one line each.
using note_taker = std::function<void(std::string)>;

// SendTargets=All to one portal: discovery session, question, logout. A connection that cannot be
// made is tried again after a second, reopen_max times. May be cancelled at any point.
//
// Codes of the failure, as open-iscsi's: transport (4) host name does not resolve; pdu_timeout
// (11) tries used up, or no answer; login_auth_failed (24); fatal_login (19).
boost::asio::awaitable<outcome<std::vector<discovered_portal>>>
discover(discovery_plan plan, boost::asio::any_io_executor resolvers, note_taker note);

} // namespace iscsid::session
