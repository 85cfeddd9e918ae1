#include "tests/unit/core/login/chap_login_fixture.hpp"

// One-way CHAP inside the login phase. Tests that begin with a number are those of the conformance
// suite "CHAP for initiators".
namespace iscsi {
namespace {

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
    EXPECT_EQ(completed(give(response())).parameters.target_portal_group_tag, 4);
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

// ---- a target that does not like the list of digests --------------------------------------------

login_refusal refusal_of(const result<login_step>& step) {
    const auto* const refusal = step.has_value() ? std::get_if<login_refusal>(&*step) : nullptr;
    EXPECT_NE(refusal, nullptr);
    return refusal == nullptr ? login_refusal{} : *refusal;
}

TEST_F(chap_login, a_refusal_of_the_digests_names_them_and_the_cure) {
    for (const std::uint8_t detail : {std::uint8_t{0}, std::uint8_t{1}}) {
        auto changed = one_way();
        changed.auth.chap_algorithms = {"SHA256", "MD5"};
        begin_chap(changed);
        auto refused = response();
        refused.status_class = 2;
        refused.status_detail = detail;
        const auto text = describe_refusal(refusal_of(give(refused)));
        EXPECT_NE(text.find("SHA256,MD5"), std::string::npos) << text;
        EXPECT_NE(text.find("node.session.auth.chap_algs = MD5"), std::string::npos) << text;
    }
}

TEST_F(chap_login, a_refusal_of_md5_alone_suggests_nothing) {
    begin_chap(one_way());
    auto refused = response();
    refused.status_class = 2;
    const auto text = describe_refusal(refusal_of(give(refused)));
    EXPECT_EQ(text, "target answered 0200: Initiator error to the CHAP digests MD5");
}

TEST_F(chap_login, a_refusal_of_something_else_does_not_blame_the_digests) {
    begin_chap(one_way());
    ask();
    auto refused = response();
    refused.status_class = 2;
    refused.status_detail = 1;
    const auto refusal = refusal_of(give(refused));
    EXPECT_EQ(refusal.offered_digests, "");
    EXPECT_EQ(describe_refusal(refusal), "target answered 0201: Authentication failure");
}

TEST_F(chap_login, a_rejected_list_of_digests_names_the_cure) {
    auto changed = one_way();
    changed.auth.chap_algorithms = {"SHA1", "MD5"};
    begin_chap(changed);
    ask({{"CHAP_A", "Reject"}});
    expect_chap_failure("CHAP_A");
    EXPECT_NE(step.error().expected.find("SHA1,MD5"), std::string::npos);
    EXPECT_NE(step.error().expected.find("chap_algs = MD5"), std::string::npos);
}

} // namespace
} // namespace iscsi
