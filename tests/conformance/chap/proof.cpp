#include "tests/conformance/chap/words.hpp"

// CHAP_N and CHAP_R of the target (RFC 7143 §12.1.3), and what makes CHAP worth nothing.
namespace iscsi::test {
namespace {

session_config any_name() {
    auto config = mutual();
    config.auth.incoming.name.clear();
    return config;
}

// ---- CHAP_N -----------------------------------------------------------------------------------

CONFORMANCE(CHAP, "4.1", "CHAP_N valid") {
    proof_is_taken(proof());
}

CONFORMANCE(CHAP, "4.2", "CHAP_N big") {
    proof_is_taken(proof(std::string(255, 'n')), any_name());
}

CONFORMANCE(CHAP, "4.3", "CHAP_N small") {
    proof_is_taken(proof("n"), any_name());
}

CONFORMANCE(CHAP, "4.4", "CHAP_N too big") {
    proof_is_refused(proof(std::string(256, 'n')), any_name());
}

CONFORMANCE(CHAP, "4.4", "CHAP_N too big") {
    proof_is_refused(proof(""), any_name()); // and too small
}

CONFORMANCE(CHAP, "4.5", "CHAP_N out of order") {
    auto asked = question();
    asked.push_back({"CHAP_N", target_name});
    question_is_refused(asked, mutual());
}

CONFORMANCE(CHAP, "4.6", "CHAP_N reflected") {
    proof_is_refused(proof(our_name));
}

CONFORMANCE(CHAP, "4.7", "CHAP_N same") {
    for (int login = 0; login < 2; ++login)
        proof_is_taken(proof());
}

CONFORMANCE(CHAP, "4.8", "CHAP_N different") {
    for (const char* name : {"Disk", "dis", "disk2"})
        proof_is_refused(proof(name));
}

// ---- CHAP_R -----------------------------------------------------------------------------------

text_pairs responding(const std::string& response) {
    return {{"CHAP_N", target_name}, {"CHAP_R", response}};
}

CONFORMANCE(CHAP, "5.1", "CHAP_R invalid") {
    proof_is_refused(proof(target_name, "another-secret-3"));
    for (const char* response : {"", "0x", "none", "0xzz", "17"})
        proof_is_refused(responding(response));
}

CONFORMANCE(CHAP, "5.2", "CHAP_R too big") {
    const auto right = response_to(our_challenge(), 0x5a, target_secret);
    proof_is_refused(responding(right + "00"));
    proof_is_refused(responding("0x" + std::string(2050, '1')));
}

CONFORMANCE(CHAP, "5.3", "CHAP_R too small") {
    const auto right = response_to(our_challenge(), 0x5a, target_secret);
    proof_is_refused(responding(right.substr(0, right.size() - 2)));
}

// ---- listed by the laboratory without numbers: those from here on are ours ----------------------

CONFORMANCE(CHAP, "5.4", "CHAP_R out of order") {
    auto asked = question();
    asked.push_back({"CHAP_R", "0x00"});
    question_is_refused(asked, mutual());
}

CONFORMANCE(CHAP, "5.5", "CHAP_R reflected") {
    proof_is_refused(responding(response_to(usual_challenge, 7, our_secret)));
}

CONFORMANCE(CHAP, "6.1", "Hexadecimal and base64 forms") {
    question_is_answered( // 0x4d414e
        question("5", "7", "0bTUFO"),
        response_to("0x4d414e", 7, our_secret)
    );
    question_is_answered(question("5", "7", "0XFF"), response_to("0xff", 7, our_secret));
    for (const char* challenge : {"0bTUF", "0b!!!!", "0xfg", "ff"})
        question_is_refused(question("5", "7", challenge));
}

CONFORMANCE(CHAP, "6.2", "Secrets below 96 bits") {
    auto config = one_way(); // §9.2.1 asks for more; users of open-iscsi have them (documented)
    config.auth.outgoing.secret = "short";
    auto dialogue = asked_by_target();
    dialogue.expect(a<login_request>().key("CHAP_R", response_to(usual_challenge, 7, "short")))
        .give(security_over());
    enter(dialogue).run(config);
}

CONFORMANCE(CHAP, "6.3", "Equal secrets in both directions") {
    auto config = mutual();
    config.auth.incoming.secret = our_secret;
    script()
        .expect(a<login_request>())
        .give(security_answer(), text_pairs{{"AuthMethod", "CHAP"}})
        .expect_event<login_failed>(fails_with(login_errc::unusable_credentials))
        .run(config);
}

CONFORMANCE(CHAP, "6.4", "A target that stops after being authenticated") {
    proof_is_refused({}); // it transits without a word of its own
    proof_is_refused({{"CHAP_N", target_name}});
}

CONFORMANCE(CHAP, "6.5", "A target that skips authentication") {
    script()
        .expect(a<login_request>().key("AuthMethod", "CHAP")) // and nothing else
        .give(security_over(), text_pairs{{"AuthMethod", "None"}})
        .expect_event<login_failed>()
        .run(mutual());
}

CONFORMANCE(CHAP, "6.6", "A target that refuses us") {
    auto refusal = status_answer(2, 1);
    refusal.current_stage = login_stage::security_negotiation;
    asked_by_target()
        .expect(a<login_request>())
        .give(refusal)
        .expect_event<login_failed>([](const login_failed& how) {
            EXPECT_EQ(how.verdict, login_verdict::authentication);
        })
        .run(one_way());
}

CONFORMANCE(CHAP, "6.7", "Keys missing or twice") {
    question_is_refused({{"CHAP_A", "5"}, {"CHAP_I", "7"}});
    auto twice = question();
    twice.push_back({"CHAP_I", "8"});
    question_is_refused(twice);
}

} // namespace
} // namespace iscsi::test
