#pragma once

#include "iscsid/device/scanner.hpp"
#include "iscsid/session/login_plan.hpp"
#include "iscsid/session/outcome.hpp"

#include "libiscsi/net/connector.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace iscsid::session {

// A session in full feature phase with its connection and its disks, ready for a lane.
struct fresh_session {
    iscsi::session engine;
    iscsi::net::connected link;
    device::scan_result found;
};

// Resolves, connects, logs in and scans. Retries what may get better, with a pause of a second or
// more, until initial_login_retry_max × login_timeout are over. May be cancelled at any point.
//
// Codes of the failure, as open-iscsi's: transport (4) host name does not resolve;
// transport_timeout (8) no connection; pdu_timeout (11) no answer to the login; login (5) the
// target had no room or dropped us; fatal_login (19); login_auth_failed (24).
boost::asio::awaitable<outcome<fresh_session>>
log_in(login_plan plan, boost::asio::any_io_executor resolvers);

// One try of it over a portal: connect, login phase with its redirects; no scan.
struct login_attempt {
    iscsi::session engine;
    iscsi::net::connected link;
};

boost::asio::awaitable<outcome<login_attempt>> attempt_login(
    iscsi::session_config config,
    iscsi::portal first,
    iscsi::net::connect_options options,
    boost::asio::any_io_executor resolvers
);

} // namespace iscsid::session
