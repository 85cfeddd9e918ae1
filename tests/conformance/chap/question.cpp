#include "tests/conformance/chap/words.hpp"

#include <set>

// CHAP_A, CHAP_I and CHAP_C (RFC 7143 §12.1.3, RFC 1994 §4.1).
namespace iscsi::test {
namespace {

// ---- CHAP_A -----------------------------------------------------------------------------------

CONFORMANCE(CHAP, "1.1", "CHAP_A valid") {
    auto config = one_way();
    config.auth.chap_algorithms = {"SHA3-256", "SHA256", "SHA1", "MD5"};
    const std::vector<std::pair<std::string, chap_algorithm>> choices{
        {"5", chap_algorithm::md5},
        {"6", chap_algorithm::sha1},
        {"7", chap_algorithm::sha256},
        {"8", chap_algorithm::sha3_256}};
    for (const auto& [number, algorithm] : choices) {
        auto dialogue = script();
        dialogue.expect(a<login_request>())
            .give(security_answer(), text_pairs{{"AuthMethod", "CHAP"}})
            .expect(a<login_request>().key("CHAP_A", "8,7,6,5")) // in the configured order
            .give(security_answer(), question(number))
            .expect(a<login_request>().key(
                "CHAP_R", response_to(usual_challenge, 7, our_secret, algorithm)
            ))
            .give(security_over());
        enter(dialogue).run(config);
    }
}

CONFORMANCE(CHAP, "1.2.1", "CHAP_A invalid number") {
    for (const char* number : {"6", "0", "255", "256", "5,6"}) // MD5 alone was offered
        question_is_refused(question(number));
}

CONFORMANCE(CHAP, "1.2.2", "CHAP_A not a number") {
    for (const char* word : {"MD5", "", "five", "5 "})
        question_is_refused(question(word));
}

CONFORMANCE(CHAP, "1.3", "CHAP_A out of order") {
    script()
        .expect(a<login_request>())
        .give(security_answer(), text_pairs{{"AuthMethod", "CHAP"}, {"CHAP_A", "5"}})
        .expect_event<login_failed>(fails_with(login_errc::chap_failed))
        .run(one_way());
}

// ---- CHAP_I -----------------------------------------------------------------------------------

CONFORMANCE(CHAP, "2.1", "CHAP_I valid") {
    for (const unsigned identifier : {0U, 1U, 127U, 255U})
        question_is_answered(
            question("5", std::to_string(identifier)),
            response_to(usual_challenge, static_cast<std::uint8_t>(identifier), our_secret)
        );
    question_is_answered(question("5", "0xff"), response_to(usual_challenge, 0xff, our_secret));
}

CONFORMANCE(CHAP, "2.2", "CHAP_I invalid") {
    for (const char* identifier : {"256", "-1", "", "0x100", "one", "99999999999999999999"})
        question_is_refused(question("5", identifier));
}

CONFORMANCE(CHAP, "2.3", "CHAP_I out of order") {
    script()
        .expect(a<login_request>())
        .give(security_answer(), text_pairs{{"AuthMethod", "CHAP"}, {"CHAP_I", "7"}})
        .expect_event<login_failed>(fails_with(login_errc::chap_failed))
        .run(one_way());
}

CONFORMANCE(CHAP, "2.4", "CHAP_I same value") {
    for (int login = 0; login < 2; ++login) // with another challenge the identifier may return
        question_is_answered(
            question("5", "9", login == 0 ? "0x0102" : "0x0304"),
            response_to(login == 0 ? "0x0102" : "0x0304", 9, our_secret)
        );
}

CONFORMANCE(CHAP, "2.5", "CHAP_I reflected") {
    // Our own identifier is never the target's: its answer would fit both directions.
    challenged_by_us(question("5", "90"))
        .expect(a<login_request>().check([](const login_request&, bytes_view data) {
            EXPECT_NE(*find_value(parse_text(data).value(), "CHAP_I"), "90");
        }))
        .run(mutual());
}

CONFORMANCE(CHAP, "2.6", "CHAP_I different") {
    question_is_answered(question("5", "1"), response_to(usual_challenge, 1, our_secret));
    question_is_answered(question("5", "2"), response_to(usual_challenge, 2, our_secret));
}

// ---- CHAP_C -----------------------------------------------------------------------------------

std::string hexadecimal(std::size_t bytes) {
    return format_chap_binary(pattern(bytes, 3));
}

CONFORMANCE(CHAP, "3.1", "CHAP_C big") {
    const auto challenge = hexadecimal(1024);
    question_is_answered(question("5", "7", challenge), response_to(challenge, 7, our_secret));
}

CONFORMANCE(CHAP, "3.2", "CHAP_C small") {
    question_is_answered(question("5", "7", "0x5c"), response_to("0x5c", 7, our_secret));
}

CONFORMANCE(CHAP, "3.3", "CHAP_C too big") {
    question_is_refused(question("5", "7", hexadecimal(1025)));
}

CONFORMANCE(CHAP, "3.4", "CHAP_C too small") {
    for (const char* challenge : {"0x", "0b", "", "0"})
        question_is_refused(question("5", "7", challenge));
}

CONFORMANCE(CHAP, "3.5", "CHAP_C out of order") {
    script()
        .expect(a<login_request>())
        .give(security_answer(), text_pairs{{"AuthMethod", "CHAP"}, {"CHAP_C", "0x01"}})
        .expect_event<login_failed>(fails_with(login_errc::chap_failed))
        .run(one_way());
}

// What our logins have issued, as the daemon remembers it.
class memory_of_challenges final : public challenge_watch {
  public:
    void issued(bytes_view challenge) override { all_.emplace(challenge.begin(), challenge.end()); }

    bool is_ours(bytes_view challenge) const override {
        return all_.contains({challenge.begin(), challenge.end()});
    }

  private:
    std::set<std::vector<std::byte>> all_;
};

session_config watched(const std::shared_ptr<challenge_watch>& watch) {
    auto config = mutual();
    config.auth.watch = watch;
    return config;
}

// A login under way that has sent our challenge; `meanwhile` runs beside it.
void with_a_login_under_way(
    const std::shared_ptr<challenge_watch>& watch, const std::function<void()>& meanwhile
) {
    challenged_by_us()
        .expect(a<login_request>().key("CHAP_C", our_challenge()))
        .act([&](session_world&) { meanwhile(); })
        .give(security_over(), proof())
        .expect(a<login_request>())
        .run(watched(watch));
}

CONFORMANCE(CHAP, "3.6.1", "CHAP_C same value, detected, parallel") {
    const auto watch = std::make_shared<memory_of_challenges>();
    with_a_login_under_way(watch, [&] {
        question_is_refused(question("5", "7", our_challenge()), watched(watch));
    });
}

CONFORMANCE(CHAP, "3.6.2", "CHAP_C same value, detected, serial") {
    const auto watch = std::make_shared<memory_of_challenges>();
    with_a_login_under_way(watch, [] {});
    question_is_refused(question("5", "7", our_challenge()), watched(watch));
}

// Ours are drawn anew for each login: 128 random bits and more.
void challenge_is_the_entropy(std::byte value) {
    asked_by_target()
        .act([=](session_world& world) { draw(world, value); })
        .expect(
            a<login_request>().key("CHAP_C", format_chap_binary(std::vector<std::byte>(16, value)))
        )
        .run(mutual());
}

CONFORMANCE(CHAP, "3.6.3", "CHAP_C same value, never offered, parallel") {
    const auto watch = std::make_shared<memory_of_challenges>();
    with_a_login_under_way(watch, [] { challenge_is_the_entropy(std::byte{0x77}); });
}

CONFORMANCE(CHAP, "3.6.4", "CHAP_C same value, never offered, serial") {
    challenge_is_the_entropy(std::byte{0x11});
    challenge_is_the_entropy(std::byte{0x22});
}

CONFORMANCE(CHAP, "3.7", "CHAP_C is not reflected by us") {
    asked_by_target(question("5", "7", our_challenge()))
        .act([](session_world& world) { draw(world); }) // the very bytes of the target
        .expect_event<login_failed>(fails_with(login_errc::chap_failed))
        .run(mutual());
}

CONFORMANCE(CHAP, "3.8", "CHAP_C reflected") {
    challenged_by_us()
        .expect(a<login_request>().key("CHAP_C", our_challenge()))
        .give(security_answer(), question("5", "90", our_challenge()))
        .expect_event<login_failed>(fails_with(login_errc::chap_failed))
        .run(mutual());
}

} // namespace
} // namespace iscsi::test
