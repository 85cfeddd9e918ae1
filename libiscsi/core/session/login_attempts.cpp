#include "libiscsi/core/session/login_attempts.hpp"

#include "libiscsi/core/session/faults.hpp"

namespace iscsi {
namespace {

constexpr unsigned most_redirects = 8;

// RFC 7143 §11.13.5. Only an error of the target may go away by itself.
login_verdict verdict_of(const login_refusal& refusal) {
    constexpr std::uint8_t initiator_error = 2;
    constexpr std::uint8_t target_error = 3;
    constexpr std::uint8_t authentication_failure = 1;
    constexpr std::uint8_t authorization_failure = 2;
    if (refusal.status_class == target_error)
        return login_verdict::retry;
    const bool authentication = refusal.status_class == initiator_error &&
                                (refusal.status_detail == authentication_failure ||
                                 refusal.status_detail == authorization_failure);
    return authentication ? login_verdict::authentication : login_verdict::fatal;
}

} // namespace

// TSIH 0 with the ISID of before: the target ends the old session first (§6.3.5).
login_news login_attempts::begin(connection& over) {
    attempt_.emplace(context_.config, over.id(), context_.window.next());
    return take_step(attempt_->first(), over);
}

login_news
login_attempts::on_response(const login_response& pdu, bytes_view data, connection& over) {
    return take(attempt_->on_response(pdu, data), over);
}

login_news login_attempts::provide_entropy(bytes_view bytes, connection& over) {
    return take(attempt_->entropy(bytes), over);
}

login_news login_attempts::take(const result<login_step>& step, connection& over) {
    if (step.has_error())
        return login_failed{login_verdict::fatal, 0, 0, step.error()};
    return std::visit([&](const auto& next) { return take_step(next, over); }, *step);
}

login_news login_attempts::take_step(const login_send& next, connection& over) {
    over.send_text(next.request, next.data);
    ++context_.statistics.login_pdus;
    return {};
}

login_news login_attempts::take_step(const login_wants_entropy& wish, connection& /*over*/) {
    context_.events.push(want_entropy{wish.bytes});
    return {};
}

login_news login_attempts::take_step(const login_complete& complete, connection& /*over*/) {
    redirects_ = 0;
    return complete;
}

// A target that sends us round for ever is no target.
login_news login_attempts::take_step(const login_redirect& elsewhere, connection& /*over*/) {
    if (++redirects_ <= most_redirects)
        return elsewhere;
    return login_failed{
        login_verdict::fatal, 1, 0, session_fault(session_errc::too_many_redirects, "login")};
}

login_news login_attempts::take_step(const login_refusal& refusal, connection& /*over*/) {
    return login_failed{
        verdict_of(refusal),
        refusal.status_class,
        refusal.status_detail,
        {to_error_code(login_errc::status_refused), "login", describe_refusal(refusal), {}}};
}

} // namespace iscsi
