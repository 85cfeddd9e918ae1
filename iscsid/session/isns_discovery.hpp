#pragma once

#include "iscsid/session/login_plan.hpp"
#include "iscsid/session/outcome.hpp"
#include "iscsid/session/results.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace iscsid::session {

// Asks an iSNS server for the targets that the initiator may see (RFC 4171 §5.6.5.2), once each
// watch of the plan's registration has tried to register. A server that answers only those it knows
// gets a registration for as long as the question takes, or somebody else needs it
// (isns_registrations). What is left out is told once each, the first hundred in words.
//
// All of it ends within `most_answers` times the plan's answer_timeout: there is no answer then,
// for what was not asked is not known.
//
// Codes of the failure, as open-iscsi's: isns_query (25) no connection, no answer, or refused;
// isns_registration (26) the registration was refused.
boost::asio::awaitable<outcome<std::vector<discovered_portal>>>
discover_by_isns(discovery_plan plan, boost::asio::any_io_executor resolvers, note_taker note);

inline constexpr int most_answers = 6;

} // namespace iscsid::session
