#include "libiscsi/core/session/event.hpp"

namespace iscsi {

const char* category_name(session_errc /*unused*/) {
    return "iscsi session";
}

std::string_view message_of(session_errc code) {
    switch (code) {
    case session_errc::no_free_slot:
        return "every task slot is in use";
    case session_errc::not_usable:
        return "the session does not take work now";
    case session_errc::command_too_long:
        return "more data than one command can carry";
    case session_errc::not_negotiated:
        return "not negotiated at login";
    case session_errc::unexpected_pdu:
        return "PDU not expected now";
    case session_errc::unknown_task:
        return "no such task";
    case session_errc::status_sn_gap:
        return "StatSN out of sequence";
    case session_errc::data_sn_gap:
        return "DataSN out of sequence";
    case session_errc::r2t_sn_gap:
        return "R2TSN out of sequence";
    case session_errc::data_out_of_range:
        return "data outside the buffer of its command";
    case session_errc::data_out_of_order:
        return "data out of order";
    case session_errc::r2t_out_of_range:
        return "R2T outside the data of its command";
    case session_errc::too_many_r2ts:
        return "more R2Ts than negotiated";
    case session_errc::residual_mismatch:
        return "residual contradicts the command";
    case session_errc::rejected:
        return "the target rejected a PDU";
    case session_errc::rejected_for_now:
        return "the target rejected a PDU for now";
    case session_errc::login_timeout:
        return "login timed out";
    case session_errc::noop_timeout:
        return "the target does not answer";
    case session_errc::window_shut:
        return "the target takes no commands";
    case session_errc::task_management_timeout:
        return "task management timed out";
    case session_errc::target_closed:
        return "the target ends the connection";
    case session_errc::text_too_long:
        return "text answer too long";
    case session_errc::logout_timeout:
        return "logout timed out";
    case session_errc::too_many_redirects:
        return "redirected too often";
    }
    return "unknown session error";
}

} // namespace iscsi
