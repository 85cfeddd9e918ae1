#include "tests/unit/core/login/login_fixture.hpp"

#include "libiscsi/core/login/chap.hpp"
#include "libiscsi/core/login/phases.hpp"

#include <type_traits>

// CHAP inside the login phase. Tests that begin with a number are those of the conformance suite
// "CHAP for initiators".
namespace iscsi {
namespace {

static_assert(!std::is_default_constructible_v<chap_verified>);
static_assert(!std::is_default_constructible_v<target_trust>);
static_assert(!std::is_default_constructible_v<full_feature>);
static_assert(!std::is_constructible_v<operational, negotiation, text_pairs>);

constexpr auto our_secret = "secret-of-alice-1";
constexpr auto target_secret = "secret-of-disk-22";

session_config one_way() {
    auto config = normal_config();
    config.auth.outgoing = {"alice", our_secret};
    return config;
}

session_config mutual() {
    auto config = one_way();
    config.auth.incoming = {"disk", target_secret};
    return config;
}

std::vector<std::byte> bytes_of(const std::string& chap_binary) {
    return read_chap_binary(chap_binary).value();
}

class chap_login : public login_test {
  protected:
    static constexpr auto challenge = "0x00112233445566778899aabbccddeeff";

    static text_pairs question(
        const std::string& algorithm = "5",
        const std::string& identifier = "7",
        const std::string& bytes = challenge
    ) {
        return {{"CHAP_A", algorithm}, {"CHAP_I", identifier}, {"CHAP_C", bytes}};
    }

    void begin_chap(session_config changed) {
        begin(std::move(changed));
        step = give(response(), {{"AuthMethod", "CHAP"}});
        ASSERT_TRUE(step.has_value()) << step.error().text();
    }

    // Up to our answer; mutual CHAP then waits for entropy.
    void ask(const text_pairs& text = question()) { step = give(response(), text); }

    static std::vector<std::byte> entropy(std::size_t size = 17) {
        return std::vector<std::byte>(size, std::byte{0x5a});
    }

    void draw(const std::vector<std::byte>& bytes = entropy()) {
        step = attempt->entropy(bytes);
        if (step.has_value() && std::holds_alternative<login_send>(*step))
            sent = std::get<login_send>(*step);
    }

    // A mutual login up to the request that challenges the target.
    void begin_mutual(session_config changed = mutual()) {
        begin_chap(std::move(changed));
        ask();
        draw();
        ASSERT_TRUE(step.has_value()) << step.error().text();
    }

    // What a target answers to our challenge when it knows that secret.
    text_pairs proof(const std::string& name = "disk", const char* secret = target_secret) const {
        const auto identifier = static_cast<std::uint8_t>(std::stoi(said("CHAP_I")));
        const auto response =
            chap_response(chap_algorithm::md5, identifier, secret, bytes_of(said("CHAP_C")));
        return {{"CHAP_N", name}, {"CHAP_R", format_chap_binary(response.value())}};
    }

    void expect_failure(login_errc code, std::string_view field) const {
        ASSERT_TRUE(step.has_error());
        EXPECT_EQ(step.error().code, to_error_code(code)) << step.error().text();
        EXPECT_EQ(step.error().field, field) << step.error().text();
        EXPECT_EQ(step.error().text().find(our_secret), std::string::npos);
        EXPECT_EQ(step.error().text().find(target_secret), std::string::npos);
    }

    void expect_chap_failure(std::string_view field) const {
        expect_failure(login_errc::chap_failed, field);
    }

    void expect_operational() const {
        ASSERT_TRUE(step.has_value()) << step.error().text();
        EXPECT_EQ(sent.request.current_stage, login_stage::operational_negotiation);
        EXPECT_EQ(said("HeaderDigest"), "None");
        EXPECT_EQ(said("InitiatorName"), "(nothing)"); // has been said
    }

    result<login_step> step = login_step(login_send{});
};

// ---- the offer ----------------------------------------------------------------------------------

TEST_F(chap_login, one_way_offers_chap_and_none) {
    begin(one_way());
    EXPECT_EQ(sent.request.current_stage, login_stage::security_negotiation);
    EXPECT_FALSE(sent.request.transit);
    EXPECT_EQ(said("AuthMethod"), "CHAP,None");
    EXPECT_EQ(said("HeaderDigest"), "(nothing)");
    EXPECT_EQ(said("CHAP_A"), "(nothing)");
}

TEST_F(chap_login, mutual_offers_nothing_but_chap) {
    begin(mutual());
    EXPECT_EQ(said("AuthMethod"), "CHAP");
    auto by_name_alone = one_way();
    by_name_alone.auth.incoming.name = "disk";
    begin(by_name_alone);
    EXPECT_EQ(said("AuthMethod"), "CHAP");
}

TEST_F(chap_login, algorithms_are_offered_in_the_configured_order) {
    auto changed = one_way();
    changed.auth.chap_algorithms = {"SHA3-256", "SHA256", "SHA1", "MD5"};
    begin_chap(changed);
    EXPECT_EQ(said("CHAP_A"), "8,7,6,5");
    EXPECT_FALSE(sent.request.transit);
}

// ---- one-way CHAP -------------------------------------------------------------------------------

TEST_F(chap_login, chap_1_1_one_way_login) {
    begin_chap(one_way());
    ask();
    EXPECT_EQ(sent.request.current_stage, login_stage::security_negotiation);
    EXPECT_TRUE(sent.request.transit);
    EXPECT_EQ(sent.request.next_stage, login_stage::operational_negotiation);
    EXPECT_EQ(said("CHAP_N"), "alice");
    const auto expected =
        chap_response(chap_algorithm::md5, 7, our_secret, bytes_of(challenge)).value();
    EXPECT_EQ(bytes_of(said("CHAP_R")), expected);
    EXPECT_EQ(said("CHAP_C"), "(nothing)");
    step = give(response());
    expect_operational();
    completed(give(response()));
}

TEST_F(chap_login, a_discovery_session_authenticates_too) {
    auto changed = mutual();
    changed.type = session_type::discovery;
    begin_mutual(changed);
    step = give(response(), proof());
    expect_operational();
    completed(give(response()));
}

TEST_F(chap_login, every_algorithm_is_answered_with_its_digest) {
    for (const auto algorithm :
         {chap_algorithm::md5,
          chap_algorithm::sha1,
          chap_algorithm::sha256,
          chap_algorithm::sha3_256}) {
        auto changed = one_way();
        changed.auth.chap_algorithms = {"MD5", "SHA1", "SHA256", "SHA3-256"};
        begin_chap(changed);
        ask(question(std::to_string(static_cast<int>(algorithm))));
        EXPECT_EQ(
            bytes_of(said("CHAP_R")),
            chap_response(algorithm, 7, our_secret, bytes_of(challenge)).value()
        );
    }
}

TEST_F(chap_login, a_target_may_do_without_in_one_way_chap) {
    begin(one_way());
    step = give(response(), {{"AuthMethod", "None"}});
    ASSERT_TRUE(step.has_value());
    EXPECT_TRUE(sent.request.transit);
    EXPECT_EQ(sent.request.next_stage, login_stage::operational_negotiation);
    EXPECT_TRUE(sent.data.empty());
    step = give(response());
    expect_operational();
    completed(give(response()));
}

TEST_F(chap_login, a_target_may_take_its_time_after_our_answer) {
    begin_chap(one_way());
    ask();
    for (int round = 0; round < 3; ++round) {
        step = give(response_without_transit());
        ASSERT_TRUE(step.has_value());
        EXPECT_TRUE(sent.request.transit);
        EXPECT_TRUE(sent.data.empty());
    }
    step = give(response());
    expect_operational();
}

TEST_F(chap_login, a_refusal_is_the_targets_word) {
    begin_chap(one_way());
    ask();
    auto pdu = response_without_transit();
    pdu.status_class = 2;
    pdu.status_detail = 1;
    step = give(pdu);
    ASSERT_TRUE(step.has_value());
    EXPECT_EQ(std::get<login_refusal>(*step).status_detail, 1);
}

TEST_F(chap_login, short_secrets_are_taken) {
    auto changed = one_way();
    changed.auth.outgoing.secret = "x";
    begin_chap(changed);
    ask();
    EXPECT_EQ(
        bytes_of(said("CHAP_R")),
        chap_response(chap_algorithm::md5, 7, "x", bytes_of(challenge)).value()
    );
}

TEST_F(chap_login, other_keys_of_the_target_are_heard_and_answered) {
    begin(one_way());
    step = give(
        response(), {{"AuthMethod", "CHAP"}, {"TargetPortalGroupTag", "4"}, {"X-com.example", "1"}}
    );
    EXPECT_EQ(said("X-com.example"), "NotUnderstood");
    EXPECT_EQ(said("CHAP_A"), "5");
    auto text = question();
    text.push_back({"X-org.example", "2"});
    ask(text);
    EXPECT_EQ(said("X-org.example"), "NotUnderstood");
    EXPECT_EQ(said("CHAP_N"), "alice");
    step = give(response(), {{"X-net.example", "3"}});
    EXPECT_EQ(said("X-net.example"), "NotUnderstood");
    expect_operational();
    EXPECT_EQ(completed(give(response())).target_portal_group_tag, 4);
}

// ---- the method ---------------------------------------------------------------------------------

TEST_F(chap_login, mutual_never_takes_none) {
    begin(mutual());
    step = give(response(), {{"AuthMethod", "None"}});
    expect_failure(login_errc::authentication_required, "AuthMethod");
}

TEST_F(chap_login, the_method_must_be_answered_once_and_alone) {
    for (const auto& wanted : {one_way(), mutual()}) {
        begin(wanted);
        step = give(response());
        expect_failure(login_errc::authentication_required, "AuthMethod");
        begin(wanted);
        step = give(response(), {{"AuthMethod", "CHAP"}, {"AuthMethod", "CHAP"}});
        expect_chap_failure("AuthMethod");
        begin(wanted);
        step = give(response(), {{"AuthMethod", "KRB5"}});
        expect_failure(login_errc::value_not_offered, "AuthMethod");
        begin(wanted);
        step = give(response(), {{"AuthMethod", "Reject"}});
        expect_failure(login_errc::key_rejected, "AuthMethod");
    }
}

TEST_F(chap_login, a_target_cannot_jump_over_the_security_stage) {
    for (const auto next : {login_stage::operational_negotiation, login_stage::full_feature}) {
        begin(mutual());
        auto pdu = response();
        pdu.transit = true;
        pdu.next_stage = next;
        step = give(pdu, {{"AuthMethod", "CHAP"}});
        EXPECT_EQ(step.error().code, to_error_code(login_errc::unexpected_transit));
    }
    begin(mutual());
    auto pdu = response();
    pdu.current_stage = login_stage::operational_negotiation;
    step = give(pdu, {{"MaxBurstLength", "65536"}});
    EXPECT_EQ(step.error().code, to_error_code(login_errc::unexpected_stage));
}

TEST_F(chap_login, a_target_cannot_jump_from_the_challenge_to_full_feature) {
    begin_mutual();
    auto pdu = response();
    pdu.next_stage = login_stage::full_feature;
    step = give(pdu, proof());
    EXPECT_EQ(step.error().code, to_error_code(login_errc::unexpected_transit));
}

// ---- CHAP_A, CHAP_I, CHAP_C ---------------------------------------------------------------------

TEST_F(chap_login, chap_1_2_algorithms_that_were_not_offered) {
    for (const auto* algorithm : {"6", "7", "0", "255", "5,6", "MD5", "", "-5", "Reject", "261"}) {
        begin_chap(one_way());
        ask(question(algorithm));
        expect_chap_failure("CHAP_A");
    }
}

TEST_F(chap_login, chap_1_3_keys_out_of_order) {
    for (const auto& early : question()) {
        begin(one_way());
        step = give(response(), {{"AuthMethod", "CHAP"}, early});
        expect_chap_failure(early.key);
    }
    for (const auto& early : {text_pair{"CHAP_N", "disk"}, text_pair{"CHAP_R", "0x01"}}) {
        begin_chap(one_way());
        auto text = question();
        text.push_back(early);
        ask(text);
        expect_chap_failure(early.key);
    }
}

TEST_F(chap_login, chap_1_3_keys_missing_or_twice) {
    for (std::size_t which = 0; which < 3; ++which) {
        const auto whole = question();
        auto text = whole;
        text.erase(text.begin() + static_cast<std::ptrdiff_t>(which));
        begin_chap(one_way());
        ask(text);
        expect_chap_failure(whole[which].key);
        text = whole;
        text.push_back(whole[which]);
        begin_chap(one_way());
        ask(text);
        expect_chap_failure(whole[which].key);
    }
    begin_chap(one_way());
    ask({});
    expect_chap_failure("CHAP_A");
}

TEST_F(chap_login, chap_2_1_identifiers_in_range) {
    for (const auto* identifier : {"0", "1", "255", "0xff"}) {
        begin_chap(one_way());
        ask(question("5", identifier));
        EXPECT_TRUE(step.has_value()) << identifier;
    }
}

TEST_F(chap_login, chap_2_2_identifiers_out_of_range) {
    for (const auto* identifier : {"256", "-1", "", "x", "0x100", "7 ", "4294967303"}) {
        begin_chap(one_way());
        ask(question("5", identifier));
        expect_chap_failure("CHAP_I");
    }
}

TEST_F(chap_login, chap_3_1_challenges_of_1_to_1024_bytes_in_both_encodings) {
    for (const auto& bytes :
         {std::string("0x1"),
          std::string("0x01"),
          "0x" + std::string(2048, 'a'),
          std::string("0bAQ=="),
          "0b" + std::string(1364, 'A') + "AA==",
          "0B" + std::string(1024, '/')}) {
        begin_chap(one_way());
        ask(question("5", "7", bytes));
        ASSERT_TRUE(step.has_value()) << bytes.size();
        EXPECT_EQ(
            bytes_of(said("CHAP_R")),
            chap_response(chap_algorithm::md5, 7, our_secret, bytes_of(bytes)).value()
        );
    }
}

TEST_F(chap_login, chap_3_3_challenges_that_are_none) {
    for (const auto& bytes :
         {std::string("0x"),
          std::string(),
          std::string("0b"),
          std::string("00112233"),
          std::string("0x0g"),
          std::string("0bA==="),
          "0x" + std::string(2049, '1'),
          "0b" + std::string(1368, 'A')}) {
        begin_chap(one_way());
        ask(question("5", "7", bytes));
        expect_chap_failure("CHAP_C");
    }
}

// ---- mutual CHAP --------------------------------------------------------------------------------

TEST_F(chap_login, mutual_login) {
    begin_chap(mutual());
    ask();
    ASSERT_TRUE(step.has_value()) << step.error().text();
    EXPECT_EQ(std::get<login_wants_entropy>(*step).bytes, 17U); // identifier and MD5's 16
    draw();
    EXPECT_TRUE(sent.request.transit);
    EXPECT_EQ(said("CHAP_N"), "alice");
    EXPECT_EQ(
        bytes_of(said("CHAP_R")),
        chap_response(chap_algorithm::md5, 7, our_secret, bytes_of(challenge)).value()
    );
    EXPECT_EQ(said("CHAP_I"), "90"); // 0x5a
    EXPECT_EQ(bytes_of(said("CHAP_C")), entropy(16));
    step = give(response(), proof());
    expect_operational();
    completed(give(response()));
}

TEST_F(chap_login, challenges_are_as_long_as_the_digest) {
    auto changed = mutual();
    changed.auth.chap_algorithms = {"SHA256"};
    begin_chap(changed);
    ask(question("7"));
    EXPECT_EQ(std::get<login_wants_entropy>(*step).bytes, 33U);
}

TEST_F(chap_login, a_verified_target_may_take_its_time) {
    begin_mutual();
    step = give(response_without_transit(), proof());
    ASSERT_TRUE(step.has_value()) << step.error().text();
    EXPECT_TRUE(sent.data.empty());
    EXPECT_TRUE(sent.request.transit);
    step = give(response());
    expect_operational();
}

TEST_F(chap_login, only_what_was_asked_for_is_taken_as_entropy) {
    begin(mutual());
    draw(); // nobody asked
    expect_chap_failure("CHAP challenge");
    for (const std::size_t size : {0U, 16U, 18U}) {
        begin_chap(mutual());
        ask();
        draw(entropy(size));
        expect_chap_failure("CHAP challenge");
    }
}

TEST_F(chap_login, a_target_that_speaks_out_of_turn_is_not_heard) {
    begin_chap(mutual());
    ask();
    step = give(response(), {{"CHAP_N", "disk"}, {"CHAP_R", "0x00"}});
    EXPECT_EQ(step.error().code, to_error_code(login_errc::unexpected_stage));
}

// With the same identifier, an answer to one side would fit the other's question.
TEST_F(chap_login, chap_2_5_our_identifier_is_never_the_targets) {
    begin_chap(mutual());
    ask(question("5", "90"));
    draw();
    EXPECT_EQ(said("CHAP_I"), "91");
    begin_chap(mutual());
    ask(question("5", "255"));
    draw(std::vector<std::byte>(17, std::byte{0xff}));
    EXPECT_EQ(said("CHAP_I"), "0");
    step = give(response(), proof());
    expect_operational();
}

TEST_F(chap_login, chap_3_7_our_challenge_is_not_the_targets) {
    begin_chap(mutual());
    ask(question("5", "7", format_chap_binary(entropy(16))));
    draw();
    expect_chap_failure("CHAP_C");
}

TEST_F(chap_login, chap_3_8_reflected_challenge_is_refused) {
    begin_mutual();
    const auto ours = said("CHAP_C");
    step = give(response(), {{"CHAP_I", "90"}, {"CHAP_C", ours}});
    expect_chap_failure("CHAP_I");
}

TEST_F(chap_login, chap_4_1_any_name_will_do_when_none_is_configured) {
    auto changed = mutual();
    changed.auth.incoming.name.clear();
    begin_mutual(changed);
    step = give(response(), proof("whoever"));
    expect_operational();
}

TEST_F(chap_login, chap_4_2_names_of_1_to_255_bytes) {
    for (const std::size_t size : {1U, 255U}) {
        auto changed = mutual();
        changed.auth.incoming.name.clear();
        begin_mutual(changed);
        step = give(response(), proof(std::string(size, 'n')));
        EXPECT_TRUE(step.has_value()) << size;
    }
}

TEST_F(chap_login, chap_4_4_names_too_small_or_too_big) {
    for (const std::size_t size : {0U, 256U}) {
        auto changed = mutual();
        changed.auth.incoming.name.clear();
        begin_mutual(changed);
        step = give(response(), proof(std::string(size, 'n')));
        expect_chap_failure("CHAP_N");
    }
}

TEST_F(chap_login, chap_4_8_another_name_than_the_configured) {
    for (const auto* name : {"alice", "Disk", "dis", "disk2"}) {
        begin_mutual();
        step = give(response(), proof(name));
        expect_chap_failure("CHAP_N");
    }
}

TEST_F(chap_login, chap_5_1_wrong_responses) {
    begin_mutual();
    step = give(response(), proof("disk", our_secret));
    expect_chap_failure("CHAP_R");
    begin_mutual();
    step = give(response(), proof("disk", ""));
    expect_chap_failure("CHAP_R");
    const auto good = [this] { return proof()[1].value; };
    for (int way = 0; way < 6; ++way) {
        begin_mutual();
        const auto whole = good();
        auto flipped = whole;
        flipped.back() = flipped.back() == '0' ? '1' : '0';
        const std::string wrong[] = {
            flipped, whole + "00", whole.substr(0, 32), "0x", whole.substr(2), "Reject"};
        step = give(response(), {{"CHAP_N", "disk"}, {"CHAP_R", wrong[way]}});
        expect_chap_failure("CHAP_R");
    }
}

TEST_F(chap_login, chap_5_reflected_response) {
    begin_mutual();
    step = give(response(), {{"CHAP_N", "disk"}, {"CHAP_R", said("CHAP_R")}});
    expect_chap_failure("CHAP_R");
    EXPECT_EQ(step.error().got, "our own response");
}

TEST_F(chap_login, a_target_that_skips_its_proof_gets_no_further) {
    for (const bool transit : {true, false}) {
        const auto pdu = [&] { return transit ? response() : response_without_transit(); };
        begin_mutual();
        step = give(pdu());
        expect_chap_failure("CHAP_N");
        begin_mutual();
        step = give(pdu(), {proof()[0]});
        expect_chap_failure("CHAP_R");
        begin_mutual();
        step = give(pdu(), {proof()[1]});
        expect_chap_failure("CHAP_N");
        begin_mutual();
        auto twice = proof();
        twice.push_back(twice[1]);
        step = give(pdu(), twice);
        expect_chap_failure("CHAP_R");
    }
}

TEST_F(chap_login, authentication_does_not_come_back) {
    begin_mutual();
    const auto once = proof();
    ASSERT_TRUE(give(response_without_transit(), once).has_value());
    step = give(response(), once);
    expect_chap_failure("CHAP_N");
    begin_mutual();
    ASSERT_TRUE(give(response(), once).has_value());
    step = give(response(), once);
    expect_failure(login_errc::authentication_method_unsupported, "CHAP_N");
}

// ---- credentials --------------------------------------------------------------------------------

TEST_F(chap_login, credentials_that_cannot_be_safe_are_not_used) {
    std::vector<session_config> unusable(6, mutual());
    unusable[0].auth.incoming.secret = unusable[0].auth.outgoing.secret;
    unusable[1].auth.outgoing.secret.clear();
    unusable[2].auth.incoming.secret.clear();
    unusable[3].auth.chap_algorithms.clear();
    unusable[4].auth.chap_algorithms = {"MD5", "MD4"};
    unusable[5].auth.chap_algorithms = {"md5"};
    for (const auto& wanted : unusable) {
        EXPECT_TRUE(check_credentials(wanted.auth).has_error());
        begin(wanted);
        step = give(response(), {{"AuthMethod", "CHAP"}});
        expect_failure(login_errc::unusable_credentials, "CHAP");
    }
    EXPECT_TRUE(check_credentials(mutual().auth).has_value());
    EXPECT_TRUE(check_credentials(one_way().auth).has_value());
}

// ---- status -------------------------------------------------------------------------------------

// A refusal or a redirection may come instead of any answer.
TEST_F(chap_login, the_target_may_refuse_or_redirect_at_every_step) {
    for (int exchanges = 0; exchanges < 4; ++exchanges)
        for (const std::uint8_t status_class : {std::uint8_t{1}, std::uint8_t{2}}) {
            begin(mutual());
            if (exchanges > 0) {
                ASSERT_TRUE(give(response(), {{"AuthMethod", "CHAP"}}).has_value());
            }
            if (exchanges > 1) {
                ask();
                draw();
            }
            if (exchanges > 2) {
                ASSERT_TRUE(give(response(), proof()).has_value());
            }
            auto pdu = response_without_transit();
            pdu.status_class = status_class;
            pdu.status_detail = 1;
            step = give(pdu, {{"TargetAddress", "10.0.0.7:3261,1"}});
            ASSERT_TRUE(step.has_value()) << step.error().text();
            EXPECT_EQ(std::holds_alternative<login_redirect>(*step), status_class == 1);
            EXPECT_EQ(std::holds_alternative<login_refusal>(*step), status_class == 2);
        }
}

// ---- over several PDUs --------------------------------------------------------------------------

// Gives the text in two responses, cut anywhere.
class chap_cut : public chap_login {
  protected:
    void give_cut(const text_pairs& text, std::size_t cut) {
        const auto whole = format_text(text);
        const auto last = response();
        auto first = response_without_transit();
        first.continues = true;
        const auto at = std::min(cut, whole.size());
        step = give_raw(first, whole.substr(0, at));
        ASSERT_TRUE(step.has_value()) << step.error().text();
        ASSERT_TRUE(sent.data.empty());
        step = give_raw(last.transit ? response_without_transit() : last, whole.substr(at));
        ASSERT_TRUE(step.has_value()) << step.error().text();
    }
};

TEST_F(chap_cut, chap_keys_may_be_cut_anywhere) {
    for (std::size_t cut = 0; cut < 80; ++cut) {
        begin(mutual());
        give_cut({{"AuthMethod", "CHAP"}}, cut);
        give_cut(question(), cut);
        draw();
        give_cut(proof(), cut); // without transit: the request before was empty
        step = give(response());
        expect_operational();
    }
}

} // namespace
} // namespace iscsi
