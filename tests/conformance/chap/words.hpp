#pragma once

#include "tests/conformance/login/words.hpp"

#include "libiscsi/core/login/challenge_watch.hpp"
#include "libiscsi/core/login/chap.hpp"

// Words of the security stage: the target's side of CHAP.
namespace iscsi::test {

inline constexpr auto our_name = "alice";
inline constexpr auto our_secret = "secret-of-alice-1";
inline constexpr auto target_name = "disk";
inline constexpr auto target_secret = "secret-of-disk-22";

// What the world gives as entropy: identifier 0x5a, and a challenge of the same bytes.
inline constexpr std::byte drawn{0x5a};

inline session_config one_way() {
    auto config = quiet_config();
    config.auth.outgoing = {our_name, our_secret};
    return config;
}

inline session_config mutual() {
    auto config = one_way();
    config.auth.incoming = {target_name, target_secret};
    return config;
}

inline login_response security_answer() {
    login_response response;
    response.current_stage = login_stage::security_negotiation;
    return response;
}

inline login_response security_over() {
    auto response = security_answer();
    response.transit = true;
    response.next_stage = login_stage::operational_negotiation;
    return response;
}

const inline std::string usual_challenge = "0x00112233445566778899aabbccddeeff";

inline text_pairs question(
    const std::string& algorithm = "5",
    const std::string& identifier = "7",
    const std::string& challenge = usual_challenge
) {
    return {{"CHAP_A", algorithm}, {"CHAP_I", identifier}, {"CHAP_C", challenge}};
}

// Up to the target's answer to CHAP_A.
inline script asked_by_target(const text_pairs& asked = question()) {
    return script()
        .expect(a<login_request>())
        .give(security_answer(), text_pairs{{"AuthMethod", "CHAP"}})
        .expect(a<login_request>().key("CHAP_A", "5"))
        .give(security_answer(), asked);
}

// Random bytes for our challenge, when they are wanted.
inline void draw(session_world& world, std::byte value = drawn) {
    const auto wish = world.take_event<want_entropy>();
    ASSERT_TRUE(wish) << "no challenge of ours";
    world.engine().provide_entropy(std::vector<std::byte>(wish->bytes, value), world.now());
}

inline std::string response_to(
    const std::string& challenge,
    std::uint8_t identifier,
    const char* secret,
    chap_algorithm algorithm = chap_algorithm::md5
) {
    const auto bytes = read_chap_binary(challenge).value();
    return format_chap_binary(chap_response(algorithm, identifier, secret, bytes).value());
}

inline std::string our_challenge(chap_algorithm algorithm = chap_algorithm::md5) {
    return format_chap_binary(std::vector<std::byte>(digest_size(algorithm), drawn));
}

// A mutual login up to our own challenge.
inline script challenged_by_us(const text_pairs& asked = question()) {
    return asked_by_target(asked).act([](session_world& world) { draw(world); });
}

inline text_pairs proof(const std::string& name = target_name, const char* secret = target_secret) {
    return {{"CHAP_N", name}, {"CHAP_R", response_to(our_challenge(), 0x5a, secret)}};
}

// The rest of a login whose security stage is over.
inline script& enter(script& dialogue) {
    return dialogue
        .expect(a<login_request>().with(
            "CSG", &login_request::current_stage, login_stage::operational_negotiation
        ))
        .give(last_answer(), script::usual_answers())
        .expect_event<logged_in>();
}

inline void question_is_refused(const text_pairs& asked, const session_config& with = one_way()) {
    asked_by_target(asked)
        .expect_event<login_failed>(fails_with(login_errc::chap_failed))
        .run(with);
}

// One-way CHAP with this question ends well, with this answer of ours.
inline void question_is_answered(const text_pairs& asked, const std::string& expected) {
    auto dialogue = asked_by_target(asked);
    dialogue.expect(a<login_request>().key("CHAP_N", our_name).key("CHAP_R", expected))
        .give(security_over());
    enter(dialogue).run(one_way());
}

// Mutual CHAP with this proof of the target.
inline void proof_is_refused(const text_pairs& said, const session_config& with = mutual()) {
    challenged_by_us()
        .expect(a<login_request>())
        .give(security_over(), said)
        .expect_event<login_failed>([](const login_failed& how) {
            EXPECT_EQ(how.verdict, login_verdict::fatal);
            EXPECT_EQ(how.why.code, to_error_code(login_errc::chap_failed)) << how.why.text();
            EXPECT_EQ(how.why.text().find(target_secret), std::string::npos);
        })
        .run(with);
}

inline void proof_is_taken(const text_pairs& said, const session_config& with = mutual()) {
    auto dialogue = challenged_by_us();
    dialogue.expect(a<login_request>()).give(security_over(), said);
    enter(dialogue).run(with);
}

} // namespace iscsi::test
