#include "libiscsi/core/login/phases.hpp"

#include "libiscsi/core/login/login.hpp"

#include <utility>

namespace iscsi {

// ---- operational --------------------------------------------------------------------------------

operational::operational(target_trust /*trust*/, negotiation keys, text_pairs first)
    : keys_(std::move(keys)), to_say_(std::move(first)) {
    for (auto& pair : keys_.offers())
        to_say_.push_back(std::move(pair));
}

phase_words operational::words() const {
    return {login_stage::operational_negotiation, login_stage::full_feature, to_say_};
}

result<full_feature> full_feature::from(operational&& before) {
    const auto agreed = before.keys().outcome();
    if (agreed.has_error())
        return agreed.error();
    full_feature done;
    done.parameters = *agreed;
    done.target_alias = before.keys().target_alias();
    done.parameters.target_portal_group_tag = before.keys().target_portal_group_tag();
    done.warnings = before.keys().warnings();
    return done;
}

// ---- from phase to phase ------------------------------------------------------------------------

namespace {

// Answers cannot follow a transition; whatever they would have said was not for us to decide.
result<login_phase> leave(operational&& now, const phase_answer& answer) {
    auto answers = now.keys().receive(answer.text, key_phase::operational);
    if (answers.has_error())
        return std::move(answers).error();
    if (!answer.transit) {
        now.say_next(std::move(*answers));
        return login_phase(std::move(now));
    }
    auto done = full_feature::from(std::move(now));
    if (done.has_error())
        return std::move(done).error();
    return login_phase(std::move(*done));
}

result<login_phase> leave(full_feature&&, const phase_answer&) {
    return fault{to_error_code(login_errc::unexpected_stage), "Login Response", "one more", "none"};
}

} // namespace

// Without CHAP the security stage is left out, which §6.3 allows: the first request may carry
// CSG=1. Targets without authentication take that, and it saves a round.
login_phase first_phase(const session_config& config) {
    const auto trust = target_trust::without_proof(config.auth);
    if (is_chap_configured(config.auth) || trust.has_error())
        return offer_security(config);
    return operational(
        *trust, negotiation(config.offer, config.type, config.negotiation), identity(config)
    );
}

text_pairs identity(const session_config& config) {
    text_pairs text{{"InitiatorName", config.initiator_name}};
    if (!config.initiator_alias.empty())
        text.push_back({"InitiatorAlias", config.initiator_alias});
    const bool normal = config.type == session_type::normal;
    if (normal)
        text.push_back({"TargetName", config.target_name});
    text.push_back({"SessionType", normal ? "Normal" : "Discovery"});
    return text;
}

phase_words describe(const login_phase& phase) {
    return std::visit([](const auto& now) { return now.words(); }, phase);
}

result<login_phase> advance(login_phase&& now, const phase_answer& answer) {
    return std::visit([&answer](auto& phase) { return leave(std::move(phase), answer); }, now);
}

} // namespace iscsi
