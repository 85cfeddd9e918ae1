#include "iscsid/session/login_failure.hpp"

#include "iscsid/session/reach.hpp"

#include "libiscsi/core/login/login.hpp"

namespace iscsid::session {

using iscsi::admin::exit_code;

namespace {

std::string describe(const iscsi::login_failed& told) {
    const bool refused = told.why.code == iscsi::to_error_code(iscsi::login_errc::status_refused);
    return refused ? told.why.got : told.why.text();
}

} // namespace

failure failure_of_connect(const iscsi::fault& why) {
    const bool unresolved =
        why.code == iscsi::to_error_code(iscsi::net::resolve_errc::unresolvable);
    const bool no_device = why.code == iscsi::to_error_code(reach_errc::no_such_device);
    return {
        unresolved || no_device ? exit_code::transport : exit_code::transport_timeout,
        why.text(),
        !unresolved && !no_device,
        unresolved ? why.got : why.code.message()};
}

failure failure_of_login(const iscsi::login_failed& told) {
    const bool timeout = told.why.code == iscsi::to_error_code(iscsi::session_errc::login_timeout);
    switch (told.verdict) {
    case iscsi::login_verdict::authentication:
        return {exit_code::login_auth_failed, describe(told), false};
    case iscsi::login_verdict::fatal:
        return {exit_code::fatal_login, describe(told), false};
    case iscsi::login_verdict::retry:
        break;
    }
    return {timeout ? exit_code::pdu_timeout : exit_code::login, describe(told), true};
}

} // namespace iscsid::session
