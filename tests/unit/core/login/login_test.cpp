#include "tests/unit/core/login/login_fixture.hpp"

namespace iscsi {
namespace {

// ---- the first request --------------------------------------------------------------------------

TEST_F(login_test, starts_in_the_operational_stage_without_chap) {
    begin();
    EXPECT_EQ(sent.request.current_stage, login_stage::operational_negotiation);
    EXPECT_EQ(sent.request.next_stage, login_stage::full_feature);
    EXPECT_TRUE(sent.request.transit);
    EXPECT_FALSE(sent.request.continues);
    EXPECT_EQ(sent.request.isid, config.isid);
    EXPECT_EQ(sent.request.connection_id, 7);
    EXPECT_EQ(sent.request.command_sn, 0x1234U);
    EXPECT_EQ(sent.request.target_session_identifying_handle, 0);
    EXPECT_NE(sent.request.initiator_task_tag, reserved_tag);
}

TEST_F(login_test, says_who_it_is_first) {
    begin();
    const auto text = pairs_of(sent.data);
    ASSERT_GT(text.size(), 5U);
    EXPECT_EQ(text[0], (text_pair{"InitiatorName", "iqn.2001-04.com.example:initiator"}));
    EXPECT_EQ(text[1], (text_pair{"InitiatorAlias", "host"}));
    EXPECT_EQ(text[2], (text_pair{"TargetName", "iqn.2001-04.com.example:disk"}));
    EXPECT_EQ(text[3], (text_pair{"SessionType", "Normal"}));
    EXPECT_EQ(text[4].key, "HeaderDigest");
    EXPECT_EQ(text.back().key, "MaxRecvDataSegmentLength");
    EXPECT_EQ(find_value(text, "AuthMethod"), nullptr);
}

TEST_F(login_test, a_discovery_session_names_no_target) {
    auto discovery = normal_config();
    discovery.type = session_type::discovery;
    discovery.initiator_alias.clear();
    begin(discovery);
    const auto text = pairs_of(sent.data);
    EXPECT_EQ(find_value(text, "TargetName"), nullptr);
    EXPECT_EQ(find_value(text, "InitiatorAlias"), nullptr);
    EXPECT_EQ(*find_value(text, "SessionType"), "Discovery");
    completed(give(response()));
}

// ---- success ------------------------------------------------------------------------------------

TEST_F(login_test, one_exchange_is_enough) {
    begin();
    const auto done = completed(give(
        response(),
        {{"TargetAlias", "disk"},
         {"TargetPortalGroupTag", "3"},
         {"MaxRecvDataSegmentLength", "65536"},
         {"InitialR2T", "No"}}
    ));
    EXPECT_EQ(done.target_session_identifying_handle, 0x55);
    EXPECT_EQ(done.target_alias, "disk");
    EXPECT_EQ(done.parameters.target_portal_group_tag, 3);
    EXPECT_EQ(done.parameters.max_xmit_data_segment_length, 65536U);
    EXPECT_FALSE(done.parameters.initial_r2t);
}

TEST_F(login_test, a_target_may_take_its_time_to_transit) {
    begin();
    for (int round = 0; round < 5; ++round) {
        ASSERT_TRUE(give(response_without_transit()).has_value());
        EXPECT_TRUE(sent.request.transit);
        EXPECT_TRUE(sent.data.empty()); // §6.3: each key once
    }
    completed(give(response()));
}

TEST_F(login_test, offers_of_the_target_are_answered_before_the_transition) {
    begin();
    ASSERT_TRUE(give(response_without_transit(), {{"X-com.example", "1"}}).has_value());
    EXPECT_EQ(pairs_of(sent.data), (text_pairs{{"X-com.example", "NotUnderstood"}}));
    ASSERT_TRUE(give(response_without_transit()).has_value());
    EXPECT_TRUE(sent.data.empty());
    completed(give(response()));
}

TEST_F(login_test, login_3_2_keys_may_come_in_any_round_before_the_transition) {
    begin();
    ASSERT_TRUE(give(response_without_transit(), {{"MaxBurstLength", "65536"}}).has_value());
    ASSERT_TRUE(give(response_without_transit()).has_value());
    ASSERT_TRUE(give(response_without_transit(), {{"FirstBurstLength", "16384"}}).has_value());
    const auto done = completed(give(response(), {{"ImmediateData", "No"}}));
    EXPECT_EQ(done.parameters.max_burst_length, 65536U);
    EXPECT_EQ(done.parameters.first_burst_length, 16384U);
    EXPECT_FALSE(done.parameters.immediate_data);
}

TEST_F(login_test, login_6_1_a_key_comes_once_in_the_whole_login) {
    begin();
    ASSERT_TRUE(give(response_without_transit(), {{"MaxBurstLength", "65536"}}).has_value());
    EXPECT_EQ(
        error_of(response(), {{"MaxBurstLength", "65536"}}), to_error_code(login_errc::key_repeated)
    );
}

// 2.1: the handle counts in the last response only.
TEST_F(login_test, login_2_1_the_session_handle_comes_last) {
    begin();
    auto early = response_without_transit();
    early.target_session_identifying_handle = 0x99;
    ASSERT_TRUE(give(early).has_value());
    EXPECT_EQ(sent.request.target_session_identifying_handle, 0);
    EXPECT_EQ(completed(give(response())).target_session_identifying_handle, 0x55);
}

TEST_F(login_test, one_more_connection_keeps_its_session_handle) {
    begin(normal_config(), 0x77);
    EXPECT_EQ(sent.request.target_session_identifying_handle, 0x77);
    auto pdu = response();
    EXPECT_EQ(error_of(pdu), to_error_code(login_errc::wrong_session_handle));
    begin(normal_config(), 0x77);
    pdu.target_session_identifying_handle = 0x77;
    completed(give(pdu));
}

// ---- text over several PDUs ---------------------------------------------------------------------

TEST_F(login_test, a_key_may_be_cut_between_responses) {
    begin();
    const auto text = format_text({{"TargetAlias", "disk"}, {"MaxBurstLength", "4096"}});
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        begin();
        auto first = response_without_transit();
        first.continues = true;
        ASSERT_TRUE(give_raw(first, text.substr(0, cut)).has_value());
        EXPECT_TRUE(sent.data.empty()); // §6.2: the answer to C=1 is empty
        EXPECT_FALSE(sent.request.transit);
        ASSERT_TRUE(give_raw(response_without_transit(), text.substr(cut)).has_value());
        EXPECT_TRUE(sent.request.transit);
        const auto done = completed(give(response()));
        EXPECT_EQ(done.target_alias, "disk");
        EXPECT_EQ(done.parameters.max_burst_length, 4096U);
    }
}

TEST_F(login_test, long_text_of_ours_goes_in_pieces) {
    auto talkative = normal_config();
    talkative.initiator_alias = std::string(20'000, 'a');
    begin(talkative);
    std::string whole = sent.data;
    int requests = 1;
    while (sent.request.continues) {
        EXPECT_EQ(sent.data.size(), 8192U);
        EXPECT_FALSE(sent.request.transit);
        ASSERT_TRUE(give(response_without_transit()).has_value());
        whole += sent.data;
        ++requests;
    }
    EXPECT_EQ(requests, 3);
    EXPECT_TRUE(sent.request.transit);
    EXPECT_EQ(pairs_of(whole)[1].value.size(), 20'000U);
    completed(give(response()));
}

TEST_F(login_test, endless_text_is_cut_off) {
    begin();
    auto more = response_without_transit();
    more.continues = true;
    result<login_step> step = login_step(login_send{});
    for (int round = 0; round < 20 && step.has_value(); ++round)
        step = give_raw(more, std::string(8192, 'a'));
    ASSERT_TRUE(step.has_error());
    EXPECT_EQ(step.error().code, to_error_code(login_errc::text_too_long));
}

TEST_F(login_test, an_endless_login_is_cut_off) {
    begin();
    result<login_step> step = login_step(login_send{});
    int rounds = 0;
    for (; rounds < 100 && step.has_value(); ++rounds)
        step = give(response_without_transit());
    ASSERT_TRUE(step.has_error());
    EXPECT_EQ(step.error().code, to_error_code(login_errc::too_many_exchanges));
    EXPECT_EQ(rounds, 65);
}

TEST_F(login_test, malformed_text_is_a_fault) {
    for (const auto* text : {"InitialR2T", "=Yes", "InitialR2T=Yes"}) { // the last has no NUL
        begin();
        EXPECT_TRUE(give_raw(response(), text).has_error()) << text;
    }
}

// ---- headers that do not fit --------------------------------------------------------------------

TEST_F(login_test, the_header_must_be_ours) {
    const auto broken = [this](auto&& change) {
        begin();
        auto pdu = response();
        change(pdu);
        return error_of(pdu);
    };
    EXPECT_EQ(
        broken([](auto& pdu) { pdu.initiator_task_tag = 99; }),
        to_error_code(login_errc::wrong_task_tag)
    );
    EXPECT_EQ(
        broken([](auto& pdu) { pdu.isid[5] = std::byte{0xff}; }),
        to_error_code(login_errc::wrong_isid)
    );
    EXPECT_EQ(
        broken([](auto& pdu) { pdu.version_active = 1; }),
        to_error_code(login_errc::version_not_supported)
    );
    EXPECT_EQ(
        broken([](auto& pdu) { pdu.target_session_identifying_handle = 0; }),
        to_error_code(login_errc::wrong_session_handle)
    );
    EXPECT_EQ(
        broken([](auto& pdu) { pdu.current_stage = login_stage::security_negotiation; }),
        to_error_code(login_errc::unexpected_stage)
    );
    EXPECT_EQ(
        broken([](auto& pdu) { pdu.current_stage = login_stage::full_feature; }),
        to_error_code(login_errc::unexpected_stage)
    );
    EXPECT_EQ(
        broken([](auto& pdu) { pdu.next_stage = login_stage::operational_negotiation; }),
        to_error_code(login_errc::unexpected_transit)
    );
    EXPECT_EQ(broken([](auto& pdu) { pdu.version_max = 9; }), boost::system::error_code{});
}

TEST_F(login_test, transit_must_have_been_asked_for) {
    begin();
    auto more = response_without_transit();
    more.continues = true;
    ASSERT_TRUE(give(more).has_value()); // our next request is empty and without T
    auto pdu = response_without_transit();
    pdu.transit = true;
    pdu.next_stage = login_stage::full_feature;
    EXPECT_EQ(error_of(pdu), to_error_code(login_errc::unexpected_transit));
}

TEST_F(login_test, full_feature_phase_hears_no_more_login_responses) {
    begin();
    const auto pdu = response();
    completed(give(pdu));
    EXPECT_EQ(error_of(pdu), to_error_code(login_errc::unexpected_stage));
}

// ---- status -------------------------------------------------------------------------------------

TEST_F(login_test, refusals_keep_class_and_detail) {
    for (const auto& [status_class, detail] :
         {std::pair{2, 1}, std::pair{2, 2}, std::pair{2, 3}, std::pair{3, 2}, std::pair{9, 9}}) {
        begin();
        auto pdu = response();
        pdu.status_class = static_cast<std::uint8_t>(status_class);
        pdu.status_detail = static_cast<std::uint8_t>(detail);
        pdu.isid = {}; // a refusal needs no more than its tag
        const auto step = give(pdu);
        ASSERT_TRUE(step.has_value());
        const auto& refusal = std::get<login_refusal>(*step);
        EXPECT_EQ(refusal.status_class, status_class);
        EXPECT_EQ(refusal.status_detail, detail);
    }
}

TEST_F(login_test, a_redirect_names_the_new_address) {
    for (const std::uint8_t detail : {std::uint8_t{1}, std::uint8_t{2}}) {
        begin();
        auto pdu = response_without_transit();
        pdu.status_class = 1;
        pdu.status_detail = detail;
        const auto step = give(pdu, {{"TargetAddress", "[2001:db8::7]:3261,2"}});
        ASSERT_TRUE(step.has_value()) << step.error().text();
        const auto& redirect = std::get<login_redirect>(*step);
        EXPECT_EQ(redirect.to, (portal{"2001:db8::7", 3261, 2}));
        EXPECT_EQ(redirect.permanent, detail == 2);
    }
}

TEST_F(login_test, a_redirect_to_nowhere_is_a_fault) {
    const auto bad = to_error_code(login_errc::bad_redirect);
    begin();
    auto pdu = response_without_transit();
    pdu.status_class = 1;
    pdu.status_detail = 1;
    EXPECT_EQ(error_of(pdu), bad);
    EXPECT_EQ(error_of(pdu, {{"TargetAddress", "a/b"}}), bad);
    EXPECT_TRUE(give_raw(pdu, "TargetAddress").has_error()) << "no text at all";
    pdu.status_detail = 3;
    EXPECT_EQ(error_of(pdu, {{"TargetAddress", "10.0.0.1"}}), bad);
}

// ---- authentication -----------------------------------------------------------------------------

TEST_F(login_test, a_target_that_asks_for_chap_unasked_is_answered_plainly) {
    begin();
    EXPECT_EQ(
        error_of(response_without_transit(), {{"AuthMethod", "CHAP"}}),
        to_error_code(login_errc::authentication_method_unsupported)
    );
}

// ---- words --------------------------------------------------------------------------------------

// Every row of RFC 7143 §11.13.5; a detail that nobody defined is told by its class.
TEST(login_status_text, speaks_the_standard) {
    const std::pair<unsigned, std::string_view> rows[] = {
        {0x0000, "Success"},
        {0x0101, "Target moved temporarily"},
        {0x0102, "Target moved permanently"},
        {0x0103, "Redirection"},
        {0x0200, "Initiator error"},
        {0x0201, "Authentication failure"},
        {0x0202, "Authorization failure"},
        {0x0203, "Not found"},
        {0x0204, "Target removed"},
        {0x0205, "Unsupported version"},
        {0x0206, "Too many connections"},
        {0x0207, "Missing parameter"},
        {0x0208, "Can't include in session"},
        {0x0209, "Session type not supported"},
        {0x020a, "Session does not exist"},
        {0x020b, "Invalid request during login"},
        {0x0277, "Initiator error"},
        {0x0300, "Target error"},
        {0x0301, "Service unavailable"},
        {0x0302, "Out of resources"},
        {0x03ff, "Target error"},
        {0x0400, "Unknown status class"},
    };
    for (const auto& [code, text] : rows)
        EXPECT_EQ(
            login_status_text(
                static_cast<std::uint8_t>(code >> 8U), static_cast<std::uint8_t>(code & 0xffU)
            ),
            text
        ) << code;
}

TEST(login_errc, every_error_has_words) {
    for (int code = 1; code <= static_cast<int>(login_errc::unusable_credentials); ++code)
        EXPECT_NE(message_of(static_cast<login_errc>(code)), "unknown login error");
}

} // namespace
} // namespace iscsi
