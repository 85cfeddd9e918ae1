#pragma once

#include "iscsid/session/removal.hpp"

#include "libiscsi/core/parameters.hpp"
#include "libiscsi/net/pending.hpp"

#include <boost/asio/awaitable.hpp>

#include <optional>

namespace iscsid::session {

// For the question whether units are there at all; a target that answers does so at once.
inline constexpr iscsi::duration presence_limit = std::chrono::seconds(2);

// Waits for three quarters of the logout timeout, and longer while writes and flushes succeed: what
// the kernel still holds may take its time. Nothing: it does not get on, and may be waited for
// again.
boost::asio::awaitable<std::optional<removal_report>> wait_for_removal(
    iscsi::net::pending<removal_report>& removal,
    const removal_progress& progress,
    iscsi::duration quarter
);

} // namespace iscsid::session
