#include "iscsid/session/login_failure.hpp"

#include "iscsid/session/reach.hpp"

#include "libiscsi/core/login/login.hpp"

#include <algorithm>
#include <array>

namespace iscsid::session {

using iscsi::admin::exit_code;

namespace {

std::string describe(const iscsi::login_failed& told) {
    const bool refused = told.why.code == iscsi::to_error_code(iscsi::login_errc::status_refused);
    return refused ? told.why.got : told.why.text();
}

// A network device, or a zone, that is not there. A connection is bound to one before it is made,
// so ENODEV is about that.
bool is_missing_device(const iscsi::fault& why) {
    return why.code == iscsi::to_error_code(reach_errc::no_such_device) ||
           why.code == iscsi::to_error_code(iscsi::net::resolve_errc::no_such_zone) ||
           why.code == boost::system::errc::no_such_device;
}

// The kernel cannot tell on which link such an address is meant; nothing that is waited for will.
bool is_missing_zone(const iscsi::fault& why) {
    return why.code == boost::system::errc::invalid_argument;
}

// What a target says in place of an answer because it is as it is. Damage on the way is not.
bool is_lasting(const iscsi::fault& why) {
    using iscsi::session_errc;
    using iscsi::wire_errc;
    constexpr std::array lasting{
        session_errc::unexpected_pdu,
        session_errc::unknown_task,
        session_errc::status_sn_gap,
        session_errc::rejected,
        session_errc::text_too_long};
    if (why.code.category() == iscsi::enum_category<wire_errc>::instance())
        return why.code != iscsi::to_error_code(wire_errc::header_digest_mismatch) &&
               why.code != iscsi::to_error_code(wire_errc::data_digest_mismatch);
    return std::ranges::any_of(lasting, [&why](session_errc each) {
        return why.code == iscsi::to_error_code(each);
    });
}

} // namespace

failure failure_of_connect(const iscsi::fault& why) {
    if (why.code == iscsi::to_error_code(iscsi::net::resolve_errc::unresolvable))
        return {exit_code::transport, why.text(), false, why.got};
    if (is_missing_device(why))
        return {exit_code::transport, why.text(), false};
    if (is_missing_zone(why)) {
        const std::string words = "a link-local address needs a zone, as in fe80::1%eth0";
        return {exit_code::transport, why.text() + ": " + words, false, words};
    }
    return {exit_code::transport_timeout, why.text(), true, why.code.message()};
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

failure failure_of_question(const iscsi::fault& why) {
    if (is_lasting(why))
        return {exit_code::pdu_timeout, "SendTargets: " + why.text(), false};
    return {exit_code::pdu_timeout, "connection lost: " + why.text(), true};
}

failure failure_at(const iscsi::portal& reached, const iscsi::portal& asked, failure why) {
    if (reached.host == asked.host && reached.port == asked.port)
        return why;
    const auto where = "redirected to " + to_text(reached) + ": ";
    why.reason.insert(0, where);
    if (!why.detail.empty())
        why.detail.insert(0, where);
    return why;
}

} // namespace iscsid::session
