#pragma once

#include "iscsid/session/results.hpp"

#include "libiscsi/admin/messages.hpp"

namespace iscsid::ipc {

// What was asked of each LUN and how long it took.
enum class io_detail : bool { left_out, told };

// What `iscsiadm -m session -P 3` shows of one session. No secret goes in.
iscsi::admin::session_info
message_of(const session::session_report& session, io_detail detail = io_detail::left_out);

// Texts of the target become printable ASCII.
iscsi::admin::lun_details message_of(const session::lun_details& unit);

// Ours; those of a disk are also open-iscsi's.
std::string_view to_text(session::lun_state state);

// open-iscsi's words.
std::string_view to_text(iscsi::connection_state state); // "LOGGED IN"
std::string_view to_text(iscsi::session_state state);    // "LOGGED_IN"

} // namespace iscsid::ipc
