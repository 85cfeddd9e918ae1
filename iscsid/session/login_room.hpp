#pragma once

#include "iscsid/session/outcome.hpp"
#include "iscsid/session/session_table.hpp"

#include <boost/asio/awaitable.hpp>

// How many sessions of a node may still be logged in to (nr_sessions). One that is being logged out
// is none to rely on: a login waits for that.
namespace iscsid::session {

// The time of a login: as long as its record gives it since it was asked for, or one try.
struct login_time {
    iscsi::instant asked{};
    bool tries_once = false;
};

// See manager::logins_to().
outcome<unsigned> logins_to(const iscsi::admin::record& node, const session_table& sessions);

// With those whose login is under way. Failures: session_exists; login while that depends on a
// logout.
outcome<unsigned> room_for(const iscsi::admin::record& record, const session_table& sessions);

bool is_being_left(const iscsi::admin::node_id& node, const session_table& sessions);

// Returns when none of its sessions is being logged out any more, or the time of the login is over.
boost::asio::awaitable<void>
wait_for_logouts(iscsi::admin::record node, login_time of, const session_table& sessions);

} // namespace iscsid::session
