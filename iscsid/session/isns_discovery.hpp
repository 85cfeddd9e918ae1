#pragma once

#include "iscsid/session/login_plan.hpp"
#include "iscsid/session/outcome.hpp"
#include "iscsid/session/results.hpp"

#include "libiscsi/net/isns_client.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace iscsid::session {

// Asks an iSNS server for the targets that the initiator may see (RFC 4171 §5.6.5.2). A server that
// answers only those it knows gets a registration for as long as the question takes.
//
// Codes of the failure, as open-iscsi's: isns_query (25) no connection, no answer, or refused;
// isns_registration (26) the registration was refused.
boost::asio::awaitable<outcome<std::vector<discovered_portal>>>
discover_by_isns(discovery_plan plan, boost::asio::any_io_executor resolvers, note_taker note);

// The same over a connection that is there, for an initiator that is registered or need not be.
// `limit` is for each answer. What is left out is told, a line each.
boost::asio::awaitable<iscsi::result<std::vector<discovered_portal>>> ask_for_targets(
    iscsi::net::isns_client& server, std::string initiator, iscsi::duration limit, note_taker note
);

} // namespace iscsid::session
