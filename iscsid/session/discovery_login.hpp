#pragma once

#include "iscsid/session/login_plan.hpp"
#include "iscsid/session/outcome.hpp"

#include "libiscsi/core/session/session.hpp"
#include "libiscsi/net/connector.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace iscsid::session {

// A discovery session in full feature phase, with its connection. It lives as long as one question
// takes, on the control thread and on no lane.
struct discovery_login {
    iscsi::session engine;
    iscsi::net::connected link;
};

// One try: connect, login phase with its redirects. Failures: see login_failure.hpp.
boost::asio::awaitable<outcome<discovery_login>> log_in(
    const discovery_plan& plan,
    iscsi::net::connect_options options,
    boost::asio::any_io_executor resolvers
);

} // namespace iscsid::session
