#pragma once

#include "iscsid/session/login_keeper.hpp"
#include "iscsid/session/outcome.hpp"
#include "iscsid/session/reservation.hpp"
#include "iscsid/session/results.hpp"

#include "libiscsi/admin/messages.hpp"

// The messages of the socket, made of what the manager gives back.
namespace iscsid::ipc {

// `index`: of the node in the request.
iscsi::admin::login_progress
message_of(std::uint32_t index, const session::outcome<session::login_result>& how);

iscsi::admin::kept_login message_of(const session::missing_login& login);

iscsi::admin::logout_progress
message_of(lane::session_key sid, const session::outcome<session::logout_result>& how);

iscsi::admin::rescan_progress
message_of(lane::session_key sid, const session::outcome<session::rescan_result>& how);

iscsi::admin::reserve_answer_message
message_of(const session::outcome<session::reservation_result>& how);

// Fault: the member that is not as its verb wants it.
iscsi::result<session::reservation_request>
request_of(const iscsi::admin::reserve_request_message& asked);

iscsi::admin::fail_io_progress
message_of(lane::session_key sid, const session::outcome<session::fail_io_result>& how);
iscsi::admin::change_session_answer_message
message_of(const session::outcome<session::change_result>& how);

iscsi::admin::lun_progress
message_of(lane::session_key sid, const session::outcome<session::lun_result>& how);

iscsi::admin::luns_progress
message_of(lane::session_key sid, const session::outcome<session::luns_result>& how);

// The last message of a discovery.
iscsi::admin::discover_progress
message_of(const session::outcome<std::vector<session::discovered_portal>>& how);

} // namespace iscsid::ipc
