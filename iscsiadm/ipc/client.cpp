#include "iscsiadm/ipc/client.hpp"

namespace iscsi::cli {

const char* category_name(client_errc) {
    return "iscsiadm.client";
}

std::string_view message_of(client_errc code) {
    switch (code) {
    case client_errc::not_running:
        return "iscsid is not running";
    case client_errc::access_denied:
        return "daemon access denied";
    case client_errc::cut:
        return "the connection ended too early";
    case client_errc::timed_out:
        return "no answer in time";
    case client_errc::refused:
        return "the request was refused";
    case client_errc::unsupported:
        return "the daemon does not know this request";
    case client_errc::malformed:
        return "the answer is malformed";
    }
    return "unknown fault of a call";
}

// Exhaustive on purpose: a new client_errc does not compile until somebody has chosen its exit
// code.
admin::exit_code exit_code_of(const fault& of_call) {
    using admin::exit_code;
    if (of_call.code.category() != enum_category<client_errc>::instance())
        return exit_code::daemon_communication;
    switch (static_cast<client_errc>(of_call.code.value())) {
    case client_errc::not_running:
        return exit_code::daemon_not_connected;
    case client_errc::access_denied:
        return exit_code::access;
    case client_errc::timed_out:
        return exit_code::request_timed_out;
    case client_errc::refused:
        return exit_code::invalid_request;
    case client_errc::unsupported:
        return exit_code::not_supported;
    case client_errc::cut:
    case client_errc::malformed:
        break;
    }
    return exit_code::daemon_communication;
}

} // namespace iscsi::cli
