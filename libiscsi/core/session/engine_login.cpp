#include "libiscsi/core/session/engine.hpp"
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
void session_engine::begin_login(instant now) {
    auto& over = leading();
    over.restart();
    nops_ = {};
    broken_ = false;
    context_.window.restart();
    alarms_.set(alarm::login, now + context_.config.timeouts.login);
    login_.emplace(context_.config, over.id(), context_.window.next());
    take_step(login_->first(), now);
}

result<void> session_engine::on_login_pdu(connection& from, instant now) {
    const auto* response = std::get_if<login_response>(&from.current());
    if (response == nullptr)
        return session_fault(
            session_errc::unexpected_pdu,
            "opcode",
            "another PDU",
            "Login Response in the login phase [RFC 7143 6.3]"
        );
    return on_login_response(from, *response, now);
}

// The numbers of a refusal mean nothing (§11.13.4).
result<void>
session_engine::on_login_response(connection& from, const login_response& pdu, instant now) {
    if (pdu.status_class == 0) {
        auto fresh = check_status_number(from);
        if (fresh.has_error())
            return fresh.error();
        if (!*fresh)
            return {};
    }
    take(login_->on_response(pdu, from.input().kept_segment()), now);
    return {};
}

void session_engine::provide_entropy(bytes_view bytes, instant now) {
    if (life_ == life::in_login && login_)
        take(login_->entropy(bytes), now);
}

void session_engine::take(const result<login_step>& step, instant now) {
    if (step.has_error())
        return fail_login({login_verdict::fatal, 0, 0, step.error()}, now);
    std::visit([this, now](const auto& next) { take_step(next, now); }, *step);
}

void session_engine::take_step(const login_send& next, instant /*now*/) {
    leading().send_text(next.request, next.data);
    ++context_.statistics.login_pdus;
}

void session_engine::take_step(const login_wants_entropy& wish, instant /*now*/) {
    context_.events.push(want_entropy{wish.bytes});
}

void session_engine::take_step(const login_complete& complete, instant now) {
    context_.parameters = complete.parameters;
    target_alias_ = complete.target_alias;
    group_tag_ = complete.target_portal_group_tag;
    login_warnings_ = complete.warnings;
    happen(happening::login_complete, now);
}

void session_engine::take_step(const login_redirect& elsewhere, instant now) {
    if (++redirects_ > most_redirects)
        return fail_login(
            {login_verdict::fatal, 1, 0, session_fault(session_errc::too_many_redirects, "login")},
            now
        );
    redirect_ = elsewhere;
    closing_ = session_fault(session_errc::target_closed, "login redirect", elsewhere.to.host);
    happen(happening::login_redirected, now);
}

void session_engine::take_step(const login_refusal& refusal, instant now) {
    fail_login(
        {verdict_of(refusal),
         refusal.status_class,
         refusal.status_detail,
         {to_error_code(login_errc::status_refused), "login", describe_refusal(refusal), {}}},
        now
    );
}

// A session that was in once tries again whatever the target says: one that restarts may not know
// itself for a while. The first login ends for good when trying again cannot help.
void session_engine::fail_login(login_failed how, instant now) {
    const bool again = how.verdict == login_verdict::retry || has_been_in_;
    closing_ = how.why;
    redirects_ = 0;
    context_.events.push(std::move(how));
    happen(again ? happening::login_failed : happening::login_refused, now);
}

void session_engine::enter_full_feature(instant now) {
    leading().enter_full_feature(context_.parameters);
    login_.reset();
    alarms_.clear(alarm::login);
    alarms_.clear(alarm::replacement);
    keepalive_.start(now);
    failures_ = redirects_ = 0;
    given_up_ = false;
    reset_units_first(now);
    context_.events.push(logged_in{
        std::exchange(has_been_in_, true), std::exchange(login_warnings_, {})});
}

} // namespace iscsi
