#include "tests/unit/core/login/chap_login_fixture.hpp"

#include "libiscsi/core/login/phases.hpp"

#include <type_traits>

// Mutual CHAP inside the login phase. Tests that begin with a number are those of the conformance
// suite "CHAP for initiators".
namespace iscsi {
namespace {

static_assert(!std::is_default_constructible_v<chap_verified>);
static_assert(!std::is_default_constructible_v<target_trust>);
static_assert(!std::is_default_constructible_v<full_feature>);
static_assert(!std::is_constructible_v<operational, negotiation, text_pairs>);

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
