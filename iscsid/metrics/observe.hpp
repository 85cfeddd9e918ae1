#pragma once

#include "iscsid/session/login_keeper.hpp"
#include "iscsid/session/manager.hpp"

#include "libiscsi/metrics/session_metrics.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <optional>

namespace iscsid::metrics {

// Who is observed. Both outlive the observation.
struct subjects {
    session::manager* sessions = nullptr;
    session::login_keeper* keeper = nullptr;
    std::function<iscsi::admin::daemon_status()> status{};
};

// Asks all sessions, through their lanes and no target. Nothing: that took too long, which only a
// lane that does not run can be the cause of.
boost::asio::awaitable<std::optional<iscsi::metrics::observation>> observe(subjects whom);

} // namespace iscsid::metrics
