#include "libiscsi/core/login/challenge_watch.hpp"
#include "libiscsi/core/login/key_value.hpp"
#include "libiscsi/core/login/phases.hpp"

#include <algorithm>
#include <utility>

// The security stage (RFC 7143 §6.3.2, §12.1).
namespace iscsi {
namespace {

constexpr auto stage = login_stage::security_negotiation;

fault unusable(std::string_view got, std::string expected) {
    return key_fault(login_errc::unusable_credentials, "CHAP", got, std::move(expected));
}

bool is_known(const std::string& algorithm) {
    return chap_algorithm_named(algorithm).has_value();
}

void append(text_pairs& text, text_pairs more) {
    for (auto& pair : more)
        text.push_back(std::move(pair));
}

// What we prove: CHAP_N and CHAP_R.
text_pairs proof_of(const auth_config& auth, bytes_view response) {
    return {{"CHAP_N", auth.outgoing.name}, {"CHAP_R", format_chap_binary(response)}};
}

result<std::vector<std::byte>> respond(const auth_config& auth, const chap_question& question) {
    return chap_response(
        question.algorithm, question.identifier, auth.outgoing.secret, question.challenge
    );
}

} // namespace

// ---- trust --------------------------------------------------------------------------------------

// Whoever has names or secrets in the record means to use them: a login without CHAP would then be
// less than was asked for.
bool is_chap_configured(const auth_config& auth) {
    return !auth.outgoing.secret.empty() || must_target_prove_itself(auth);
}

bool must_target_prove_itself(const auth_config& auth) {
    return !auth.incoming.secret.empty() || !auth.incoming.name.empty();
}

result<target_trust> target_trust::without_proof(const auth_config& auth) {
    if (must_target_prove_itself(auth))
        return key_fault(login_errc::authentication_required, "AuthMethod", "None", "CHAP");
    return target_trust();
}

result<void> check_credentials(const auth_config& auth) {
    if (auth.outgoing.secret.empty()) // a target proves itself only to whom it knows
        return unusable("no secret of ours", "a secret in each direction [RFC 7143 12.1.3]");
    if (must_target_prove_itself(auth) && auth.incoming.secret.empty())
        return unusable("no secret of the target", "a secret in each direction");
    if (auth.incoming.secret == auth.outgoing.secret)
        return unusable("one secret for both directions", "two secrets [RFC 7143 9.2.1]");
    const auto& names = auth.chap_algorithms;
    if (names.empty() || !std::all_of(names.begin(), names.end(), is_known))
        return unusable("an unknown digest or none", "MD5, SHA1, SHA256 or SHA3-256");
    return {};
}

// ---- words --------------------------------------------------------------------------------------

offer_security::offer_security(const session_config& config)
    : talk{&config, negotiation(config.offer, config.type, config.negotiation), {}} {}

// "None" is offered only where the target may go unproven: a target that takes it ends the security
// stage, and nothing it says later could make up for that.
phase_words offer_security::words() const {
    auto text = identity(*talk.config);
    text.push_back({"AuthMethod", must_target_prove_itself(talk.auth()) ? "CHAP" : "CHAP,None"});
    return {stage, std::nullopt, std::move(text)};
}

phase_words offer_algorithms::words() const {
    auto text = talk.answers;
    text.push_back({"CHAP_A", format_chap_algorithms(talk.auth().chap_algorithms)});
    return {stage, std::nullopt, std::move(text)};
}

// Our proof and our question go out together (§12.1.3), with the wish for the operational stage: a
// target that proves itself grants it with the same response.
phase_words challenge_target::words() const {
    auto text = talk.answers;
    append(text, proof_of(talk.auth(), our_response_));
    text.push_back({"CHAP_I", std::to_string(ours_.identifier)});
    text.push_back({"CHAP_C", format_chap_binary(ours_.challenge)});
    return {stage, login_stage::operational_negotiation, std::move(text)};
}

leave_security::leave_security(target_trust trust, security_talk so_far, text_pairs last)
    : talk(std::move(so_far)), trust_(trust), to_say_(std::exchange(talk.answers, {})) {
    append(to_say_, std::move(last));
}

phase_words leave_security::words() const {
    return {stage, login_stage::operational_negotiation, to_say_};
}

// ---- mutual CHAP --------------------------------------------------------------------------------

challenge_target::challenge_target(
    security_talk so_far, chap_question ours, std::vector<std::byte> response
)
    : talk(std::move(so_far)), ours_(std::move(ours)), our_response_(std::move(response)) {}

// The challenge must differ from the target's, or it could answer us with what we have answered it
// (the reflection of §9.2.1); `watch` has those of all our logins.
result<challenge_target> await_entropy::with(bytes_view entropy) && {
    if (entropy.size() != bytes())
        return chap_fault(
            "CHAP challenge", std::to_string(entropy.size()), std::to_string(bytes()) + " bytes"
        );
    auto response = respond(talk_.auth(), question_);
    if (response.has_error())
        return std::move(response).error();
    auto identifier = std::to_integer<std::uint8_t>(entropy.front());
    if (identifier == question_.identifier) // its answer to us must not fit its question
        ++identifier;
    const auto drawn = entropy.subspan(1);
    if (std::equal(
            drawn.begin(), drawn.end(), question_.challenge.begin(), question_.challenge.end()
        ))
        return chap_fault("CHAP_C", "our own challenge", "another one [RFC 7143 12.1.3]");
    if (talk_.auth().watch)
        talk_.auth().watch->issued(drawn);
    return challenge_target(
        std::move(talk_),
        {question_.algorithm, identifier, {drawn.begin(), drawn.end()}},
        std::move(*response)
    );
}

// In an order that gives nothing away: who it says it is, that it does not repeat us, and only then
// the digest, compared in constant time.
result<chap_verified> challenge_target::verify(const chap_proof& proof) const {
    const auto& target = talk.auth().incoming;
    if (!target.name.empty() && proof.name != target.name)
        return chap_fault("CHAP_N", proof.name, "the configured name of the target");
    if (equal_in_constant_time(proof.response, our_response_))
        return chap_fault("CHAP_R", "our own response", "the target's [RFC 7143 9.2.1]");
    auto expected =
        chap_response(ours_.algorithm, ours_.identifier, target.secret, ours_.challenge);
    if (expected.has_error())
        return std::move(expected).error();
    const bool proven = equal_in_constant_time(proof.response, *expected);
    wipe(*expected);
    if (!proven)
        return chap_fault("CHAP_R", "a wrong response", "that of the target's secret");
    return chap_verified();
}

// ---- from phase to phase ------------------------------------------------------------------------

namespace {

// Takes what the target offers beside authentication, whose keys must be in their turn.
result<void>
hear(security_talk& talk, const phase_answer& answer, std::span<const std::string_view> due) {
    if (auto placed = expect_keys(answer.text, due); placed.has_error())
        return placed;
    auto answers = talk.keys.receive(answer.text, key_phase::security);
    if (answers.has_error())
        return std::move(answers).error();
    talk.answers = std::move(*answers);
    return {};
}

// §12.1: one method. A target that answers with a list means its first; what we insist on is
// insisted on whatever it means.
std::string chosen_method(security_talk& talk, const std::string& answer) {
    const auto list = split_list(answer);
    if (!talk.keys.is_lenient() || list.size() < 2)
        return answer;
    std::string first(list.front());
    if (first == "CHAP" || first == "None")
        talk.keys.warn("AuthMethod", answer, first);
    return first;
}

std::string digests_and_cure(const auth_config& auth) {
    const auto& names = auth.chap_algorithms;
    const auto list = join_list({names.begin(), names.end()});
    return "one of " + list + (list == "MD5" ? "" : " (try node.session.auth.chap_algs = MD5)");
}

// One-way CHAP, or none: nothing is demanded of the target.
result<login_phase> leave_without_proof(security_talk&& talk, text_pairs last) {
    const auto trust = target_trust::without_proof(talk.auth());
    if (trust.has_error())
        return trust.error();
    return leave_security(*trust, std::move(talk), std::move(last));
}

// Transition or not: what we have to say goes out in the next request, whatever its stage.
result<login_phase> go_on(target_trust trust, security_talk&& talk, bool transit) {
    if (!transit)
        return leave_security(trust, std::move(talk), {});
    return operational(trust, std::move(talk.keys), std::move(talk.answers));
}

} // namespace

// A target that does not answer AuthMethod has not agreed to CHAP, so it cannot be left at a
// default (§12.1): that would be no authentication.
result<login_phase> leave(offer_security&& now, const phase_answer& answer) {
    if (auto usable = check_credentials(now.talk.auth()); usable.has_error())
        return std::move(usable).error();
    const auto* const method = find_value(answer.text, "AuthMethod");
    if (method == nullptr)
        return key_fault(login_errc::authentication_required, "AuthMethod", "no answer", "CHAP");
    if (auto heard = hear(now.talk, answer, method_key); heard.has_error())
        return std::move(heard).error();
    const auto chosen = chosen_method(now.talk, *method);
    if (chosen == "CHAP")
        return offer_algorithms{std::move(now.talk)};
    if (chosen == "None")
        return leave_without_proof(std::move(now.talk), {});
    const bool rejected = *method == reject_word;
    return key_fault(
        rejected ? login_errc::key_rejected : login_errc::value_not_offered,
        "AuthMethod",
        *method,
        "CHAP"
    );
}

// The target's question. One-way CHAP is answered and done with; mutual CHAP waits for random
// bytes.
result<login_phase> leave(offer_algorithms&& now, const phase_answer& heard) {
    const auto& auth = now.talk.auth();
    const auto* const chosen = find_value(heard.text, "CHAP_A");
    if (chosen != nullptr && *chosen == reject_word)
        return chap_fault("CHAP_A", *chosen, digests_and_cure(auth));
    if (auto taken = hear(now.talk, heard, question_keys); taken.has_error())
        return std::move(taken).error();
    auto question = read_chap_question(heard.text, auth.chap_algorithms);
    if (question.has_error())
        return std::move(question).error();
    if (auth.watch && auth.watch->is_ours(question->challenge))
        return chap_fault("CHAP_C", "a challenge of ours", "its own [RFC 7143 12.1.3]");
    if (must_target_prove_itself(auth))
        return await_entropy(std::move(now.talk), std::move(*question));
    const auto response = respond(auth, *question);
    if (response.has_error())
        return response.error();
    auto last = proof_of(auth, *response);
    return leave_without_proof(std::move(now.talk), std::move(last));
}

result<login_phase> leave(await_entropy&&, const phase_answer&) {
    return fault{to_error_code(login_errc::unexpected_stage), "Login Response", "one more", "none"};
}

// §12.1.3: a target that cannot prove itself must not get us further, whatever T says.
result<login_phase> leave(challenge_target&& now, const phase_answer& answer) {
    if (auto heard = hear(now.talk, answer, proof_keys); heard.has_error())
        return std::move(heard).error();
    const auto proof = read_chap_proof(answer.text);
    if (proof.has_error())
        return proof.error();
    const auto verified = now.verify(*proof);
    if (verified.has_error())
        return verified.error();
    return go_on(target_trust(*verified), std::move(now.talk), answer.transit);
}

result<login_phase> leave(leave_security&& now, const phase_answer& answer) {
    if (auto heard = hear(now.talk, answer, {}); heard.has_error())
        return std::move(heard).error();
    return go_on(now.trust(), std::move(now.talk), answer.transit);
}

} // namespace iscsi
