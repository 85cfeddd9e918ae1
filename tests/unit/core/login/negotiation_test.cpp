#include "libiscsi/core/login/key_value.hpp"
#include "libiscsi/core/login/negotiation.hpp"

#include <gtest/gtest.h>

namespace iscsi {
namespace {

constexpr auto stage = key_phase::operational;

boost::system::error_code code_of(const result<text_pairs>& received) {
    return received.has_error() ? received.error().code : boost::system::error_code{};
}

// A negotiation that has made its offers.
negotiation offered(const operational_offer& offer = {}) {
    negotiation keys(offer, session_type::normal);
    keys.offers();
    return keys;
}

boost::system::error_code reply(const operational_offer& offer, const text_pairs& text) {
    auto keys = offered(offer);
    return code_of(keys.receive(text, stage));
}

operational_parameters outcome_of(const operational_offer& offer, const text_pairs& text) {
    auto keys = offered(offer);
    const auto received = keys.receive(text, stage);
    EXPECT_TRUE(received.has_value()) << received.error().text();
    const auto agreed = keys.outcome();
    EXPECT_TRUE(agreed.has_value()) << agreed.error().text();
    return *agreed;
}

const auto out_of_range = to_error_code(login_errc::value_out_of_range);
const auto not_offered = to_error_code(login_errc::value_not_offered);
const auto fine = boost::system::error_code{};

TEST(key_table, rows_are_found_by_name_exactly) {
    EXPECT_EQ(find_key("MaxBurstLength"), &row_of(login_key::max_burst_length));
    EXPECT_EQ(find_key("maxburstlength"), nullptr);
    EXPECT_EQ(find_key("X-com.example"), nullptr);
    EXPECT_EQ(find_key(""), nullptr);
}

TEST(key_value, an_outcome_combined_with_a_wish_is_itself) {
    for (const auto rule :
         {key_rule::smaller, key_rule::bigger, key_rule::both_yes, key_rule::either_yes})
        for (std::uint32_t ours = 0; ours < 2; ++ours)
            for (std::uint32_t theirs = 0; theirs < 2; ++theirs) {
                const auto outcome = combine(rule, ours, theirs);
                EXPECT_EQ(combine(rule, ours, outcome), outcome);
                EXPECT_EQ(combine(rule, outcome, theirs), outcome);
            }
    EXPECT_EQ(combine(key_rule::both_yes, 1, 0), 0U);
    EXPECT_EQ(combine(key_rule::either_yes, 1, 0), 1U);
    EXPECT_EQ(combine(key_rule::smaller, 7, 9), 7U);
    EXPECT_EQ(combine(key_rule::bigger, 7, 9), 9U);
}

TEST(key_value, numbers_are_read_whole_and_in_range) {
    const auto& row = row_of(login_key::max_burst_length);
    EXPECT_EQ(*parse_value(row, "512"), 512U);
    EXPECT_EQ(*parse_value(row, "16777215"), 0xff'ff'ffU);
    EXPECT_EQ(*parse_value(row, "0x200"), 512U);
    EXPECT_EQ(*parse_value(row, "0XfF00"), 0xff00U);
    for (const auto* text :
         {"",
          "0",
          "511",
          "16777216",
          "4294967808",
          "99999999999999999999",
          "-1",
          "+512",
          " 512",
          "512 ",
          "512x",
          "0x",
          "0x1g",
          "Yes",
          "1e3"})
        EXPECT_EQ(parse_value(row, text).error().code, out_of_range) << text;
}

TEST(key_value, booleans_are_spelled_exactly) {
    const auto& row = row_of(login_key::initial_r2t);
    EXPECT_EQ(*parse_value(row, "Yes"), 1U);
    EXPECT_EQ(*parse_value(row, "No"), 0U);
    for (const auto* text : {"", "yes", "NO", "1", "True", "Yes,No"})
        EXPECT_EQ(parse_value(row, text).error().code, out_of_range) << text;
}

TEST(negotiation, offers_stand_in_the_order_of_open_iscsi) {
    operational_offer offer;
    offer.header_digest = {digest::crc32c, digest::none};
    offer.default_time2wait = 3;
    negotiation keys(offer, session_type::normal);
    const text_pairs expected{
        {"HeaderDigest", "CRC32C,None"},
        {"DataDigest", "None"},
        {"DefaultTime2Wait", "3"},
        {"DefaultTime2Retain", "0"},
        {"IFMarker", "No"},
        {"OFMarker", "No"},
        {"ErrorRecoveryLevel", "0"},
        {"InitialR2T", "No"},
        {"ImmediateData", "Yes"},
        {"MaxBurstLength", "16776192"},
        {"FirstBurstLength", "262144"},
        {"MaxOutstandingR2T", "1"},
        {"MaxConnections", "1"},
        {"DataPDUInOrder", "Yes"},
        {"DataSequenceInOrder", "Yes"},
        {"MaxRecvDataSegmentLength", "262144"},
    };
    EXPECT_EQ(keys.offers(), expected);
}

TEST(negotiation, a_discovery_session_offers_only_what_concerns_it) {
    negotiation keys({}, session_type::discovery);
    std::string names;
    for (const auto& pair : keys.offers())
        names += pair.key + ' ';
    EXPECT_EQ(
        names,
        "HeaderDigest DataDigest DefaultTime2Wait DefaultTime2Retain IFMarker OFMarker "
        "ErrorRecoveryLevel MaxRecvDataSegmentLength "
    );
}

TEST(negotiation, first_burst_is_offered_within_max_burst) {
    operational_offer offer;
    offer.max_burst_length = 4096;
    negotiation keys(offer, session_type::normal);
    EXPECT_EQ(*find_value(keys.offers(), "FirstBurstLength"), "4096");
}

TEST(negotiation, answers_become_the_parameters) {
    operational_offer offer;
    offer.header_digest = {digest::crc32c, digest::none};
    offer.data_digest = {digest::none, digest::crc32c};
    offer.max_outstanding_r2t = 8;
    offer.default_time2retain = 60;
    offer.data_pdu_in_order = false;
    const auto agreed = outcome_of(
        offer,
        {{"HeaderDigest", "CRC32C"},
         {"DataDigest", "None"},
         {"DefaultTime2Wait", "5"},
         {"DefaultTime2Retain", "30"},
         {"IFMarker", "No"},
         {"OFMarker", "No"},
         {"ErrorRecoveryLevel", "0"},
         {"InitialR2T", "No"},
         {"ImmediateData", "No"},
         {"MaxBurstLength", "65536"},
         {"FirstBurstLength", "16384"},
         {"MaxOutstandingR2T", "4"},
         {"MaxConnections", "1"},
         {"DataPDUInOrder", "No"},
         {"DataSequenceInOrder", "Yes"},
         {"MaxRecvDataSegmentLength", "32768"}}
    );
    const operational_parameters expected{
        .header_digest = digest::crc32c,
        .data_digest = digest::none,
        .default_time2wait = 5,
        .default_time2retain = 30,
        .initial_r2t = false,
        .immediate_data = false,
        .max_burst_length = 65536,
        .first_burst_length = 16384,
        .max_outstanding_r2t = 4,
        .max_recv_data_segment_length = 262144,
        .max_xmit_data_segment_length = 32768,
        .data_pdu_in_order = false,
        .data_sequence_in_order = true};
    EXPECT_EQ(agreed, expected);
}

TEST(negotiation, a_silent_target_is_taken_to_want_the_defaults) {
    operational_offer offer;
    offer.max_burst_length = 131072; // less than the default
    const auto agreed = outcome_of(offer, {});
    EXPECT_TRUE(agreed.initial_r2t);
    EXPECT_TRUE(agreed.immediate_data);
    EXPECT_EQ(agreed.max_burst_length, 131072U);
    EXPECT_EQ(agreed.first_burst_length, 65536U);
    EXPECT_EQ(agreed.max_xmit_data_segment_length, 8192U);
    EXPECT_EQ(agreed.default_time2retain, 0);
    EXPECT_EQ(agreed.header_digest, digest::none);
}

TEST(negotiation, a_default_digest_must_have_been_offered) {
    operational_offer offer;
    offer.data_digest = {digest::crc32c};
    for (const text_pairs& text :
         {text_pairs{}, {{"DataDigest", "NotUnderstood"}}, {{"DataDigest", "Irrelevant"}}}) {
        auto keys = offered(offer);
        ASSERT_TRUE(keys.receive(text, stage).has_value());
        EXPECT_EQ(keys.outcome().error().code, not_offered);
    }
}

TEST(negotiation, a_silent_target_cannot_leave_out_a_header_digest_that_is_required) {
    operational_offer offer;
    offer.header_digest = {digest::crc32c};
    auto keys = offered(offer);
    ASSERT_TRUE(keys.receive({}, stage).has_value());
    EXPECT_EQ(keys.outcome().error().code, not_offered);
}

TEST(negotiation, a_list_answer_must_have_been_offered) {
    EXPECT_EQ(reply({}, {{"HeaderDigest", "CRC32C"}}), not_offered);
    EXPECT_EQ(reply({}, {{"HeaderDigest", "None,CRC32C"}}), not_offered);
    EXPECT_EQ(reply({}, {{"HeaderDigest", ""}}), not_offered);
}

TEST(negotiation, an_answer_must_obey_its_rule) {
    operational_offer offer;
    offer.max_burst_length = 65536;
    EXPECT_EQ(reply(offer, {{"MaxBurstLength", "65536"}}), fine);
    EXPECT_EQ(reply(offer, {{"MaxBurstLength", "65537"}}), not_offered);
    EXPECT_EQ(reply(offer, {{"DefaultTime2Wait", "1"}}), not_offered);
    EXPECT_EQ(reply(offer, {{"DefaultTime2Wait", "3600"}}), fine);
    EXPECT_EQ(reply(offer, {{"DefaultTime2Wait", "3601"}}), out_of_range);
    EXPECT_EQ(reply(offer, {{"ErrorRecoveryLevel", "1"}}), not_offered);
    EXPECT_EQ(reply(offer, {{"ErrorRecoveryLevel", "3"}}), out_of_range);
    EXPECT_EQ(reply(offer, {{"MaxConnections", "2"}}), not_offered);
    EXPECT_EQ(reply(offer, {{"MaxOutstandingR2T", "0"}}), out_of_range);
    EXPECT_EQ(reply(offer, {{"IFMarker", "Yes"}}), not_offered);
    EXPECT_EQ(reply(offer, {{"DataPDUInOrder", "No"}}), not_offered);
    EXPECT_EQ(reply(offer, {{"MaxRecvDataSegmentLength", "511"}}), out_of_range);
    EXPECT_EQ(reply(offer, {{"MaxRecvDataSegmentLength", "0"}}), out_of_range);
    EXPECT_EQ(reply(offer, {{"MaxRecvDataSegmentLength", "16777216"}}), out_of_range);
}

// Every combination of both sides' booleans, by the tables of §6.2.2.
TEST(negotiation, booleans_follow_and_and_or) {
    for (const bool ours : {false, true})
        for (const bool answer : {false, true}) {
            operational_offer offer;
            offer.immediate_data = ours;
            offer.initial_r2t = ours;
            const std::string word = answer ? "Yes" : "No";
            EXPECT_EQ(
                reply(offer, {{"ImmediateData", word}}), answer && !ours ? not_offered : fine
            );
            EXPECT_EQ(reply(offer, {{"InitialR2T", word}}), !answer && ours ? not_offered : fine);
        }
    EXPECT_EQ(reply({}, {{"ImmediateData", "Maybe"}}), out_of_range);
}

TEST(negotiation, reject_ends_it_but_for_markers) {
    EXPECT_EQ(reply({}, {{"MaxBurstLength", "Reject"}}), to_error_code(login_errc::key_rejected));
    EXPECT_EQ(reply({}, {{"HeaderDigest", "Reject"}}), to_error_code(login_errc::key_rejected));
    EXPECT_EQ(reply({}, {{"IFMarker", "Reject"}, {"OFMarker", "NotUnderstood"}}), fine);
    EXPECT_EQ(reply({}, {{"FirstBurstLength", "Irrelevant"}}), fine);
}

TEST(negotiation, a_key_comes_once) {
    const auto repeated = to_error_code(login_errc::key_repeated);
    for (const auto* key : {"MaxBurstLength", "MaxRecvDataSegmentLength"})
        EXPECT_EQ(reply({}, {{key, "8192"}, {key, "8192"}}), repeated) << key;
    EXPECT_EQ(reply({}, {{"TargetAlias", "a"}, {"TargetAlias", "a"}}), repeated);
    EXPECT_EQ(reply({}, {{"IFMarker", "Reject"}, {"IFMarker", "No"}}), repeated);
    EXPECT_EQ(reply({}, {{"TargetAddress", "a"}, {"TargetAddress", "b"}}), fine); // §6.3
    auto keys = offered();
    ASSERT_TRUE(keys.receive({{"InitialR2T", "Yes"}}, stage).has_value());
    EXPECT_EQ(code_of(keys.receive({{"InitialR2T", "Yes"}}, stage)), repeated);
}

TEST(negotiation, first_burst_may_not_exceed_max_burst) {
    auto keys = offered();
    ASSERT_TRUE(
        keys.receive({{"MaxBurstLength", "4096"}, {"FirstBurstLength", "8192"}}, stage).has_value()
    );
    EXPECT_EQ(keys.outcome().error().code, out_of_range);
    EXPECT_EQ(outcome_of({}, {{"MaxBurstLength", "4096"}}).first_burst_length, 4096U);
}

TEST(negotiation, declarations_are_kept) {
    auto keys = offered();
    const auto answers =
        keys.receive({{"TargetAlias", "my disk"}, {"TargetPortalGroupTag", "7"}}, stage);
    ASSERT_TRUE(answers.has_value());
    EXPECT_TRUE(answers->empty());
    EXPECT_EQ(keys.target_alias(), "my disk");
    EXPECT_EQ(keys.target_portal_group_tag(), 7);
    EXPECT_EQ(reply({}, {{"TargetPortalGroupTag", "65536"}}), out_of_range);
    EXPECT_EQ(reply({}, {{"TargetAlias", std::string(256, 'a')}}), out_of_range);
}

TEST(negotiation, our_own_limit_of_segments_holds) {
    operational_offer offer;
    offer.max_xmit_data_segment_length = 4096;
    EXPECT_EQ(
        outcome_of(offer, {{"MaxRecvDataSegmentLength", "65536"}}).max_xmit_data_segment_length,
        4096U
    );
    offer.max_xmit_data_segment_length = 100000;
    EXPECT_EQ(
        outcome_of(offer, {{"MaxRecvDataSegmentLength", "65536"}}).max_xmit_data_segment_length,
        65536U
    );
}

TEST(negotiation, offers_of_the_target_are_answered) {
    auto keys = offered();
    const auto answers = keys.receive(
        {{"TaskReporting", "ResponseFence,RFC3720"},
         {"X-com.example.speed", "11"},
         {"iSCSIProtocolLevel", "2"},
         {"IFMarkInt", "2048~8192"},
         {"X-other", "NotUnderstood"}},
        stage
    );
    ASSERT_TRUE(answers.has_value());
    const text_pairs expected{
        {"TaskReporting", "RFC3720"},
        {"X-com.example.speed", "NotUnderstood"},
        {"iSCSIProtocolLevel", "1"},
        {"IFMarkInt", "Reject"}};
    EXPECT_EQ(*answers, expected);
}

TEST(negotiation, offers_come_out_by_the_rule_too) {
    negotiation keys({}, session_type::normal); // nothing offered yet
    const auto answers = keys.receive(
        {{"MaxBurstLength", "65536"},
         {"DefaultTime2Wait", "1"},
         {"ImmediateData", "No"},
         {"MaxOutstandingR2T", "0"},
         {"TaskReporting", "FastAbort"}},
        stage
    );
    ASSERT_TRUE(answers.has_value());
    const text_pairs expected{
        {"MaxBurstLength", "65536"},
        {"DefaultTime2Wait", "2"},
        {"ImmediateData", "No"},
        {"MaxOutstandingR2T", "Reject"},
        {"TaskReporting", "Reject"}};
    EXPECT_EQ(*answers, expected);
    EXPECT_EQ(keys.outcome()->max_burst_length, 65536U);
}

TEST(negotiation, keys_of_full_sessions_are_irrelevant_in_discovery) {
    negotiation keys({}, session_type::discovery);
    keys.offers();
    const auto answers = keys.receive({{"MaxBurstLength", "65536"}}, stage);
    ASSERT_TRUE(answers.has_value());
    EXPECT_EQ(*answers, (text_pairs{{"MaxBurstLength", "Irrelevant"}}));
}

TEST(negotiation, keys_have_their_side_and_stage) {
    const auto misplaced = to_error_code(login_errc::key_not_understood);
    EXPECT_EQ(reply({}, {{"InitiatorName", "iqn.a"}}), misplaced);
    EXPECT_EQ(reply({}, {{"SendTargets", "All"}}), misplaced);
    EXPECT_EQ(reply({}, {{"InitiatorAlias", "NotUnderstood"}}), fine);
    auto keys = offered();
    EXPECT_EQ(code_of(keys.receive({{"MaxBurstLength", "4096"}}, key_phase::security)), misplaced);
    EXPECT_EQ(code_of(keys.receive({{"CHAP_A", "5"}}, key_phase::security)), fine);
    EXPECT_EQ(code_of(keys.receive({{"TargetPortalGroupTag", "1"}}, key_phase::security)), fine);
}

TEST(negotiation, a_target_that_wants_authentication_late_is_named) {
    const auto unsupported = to_error_code(login_errc::authentication_method_unsupported);
    EXPECT_EQ(reply({}, {{"AuthMethod", "CHAP"}}), unsupported);
    EXPECT_EQ(reply({}, {{"CHAP_A", "5"}}), unsupported);
    EXPECT_EQ(reply({}, {{"AuthMethod", "None"}}), fine);
}

// The standard's range of every number, one step beyond each end, decimal and hexadecimal.
TEST(negotiation, every_number_has_the_range_of_its_section) {
    struct range {
        const char* key;
        std::uint64_t low;
        std::uint64_t high;
    };

    constexpr range ranges[] = {
        {"MaxConnections", 1, 65535},                // §13.2
        {"TargetPortalGroupTag", 0, 65535},          // §13.9
        {"MaxRecvDataSegmentLength", 512, 0xffffff}, // §13.12
        {"MaxBurstLength", 512, 0xffffff},           // §13.13
        {"FirstBurstLength", 512, 0xffffff},         // §13.14
        {"DefaultTime2Wait", 0, 3600},               // §13.15
        {"DefaultTime2Retain", 0, 3600},             // §13.16
        {"MaxOutstandingR2T", 1, 65535},             // §13.17
        {"ErrorRecoveryLevel", 0, 2},                // §13.20
        {"iSCSIProtocolLevel", 0, 31},               // §13.24
    };
    for (const auto& [key, low, high] : ranges) {
        const auto* const row = find_key(key);
        ASSERT_NE(row, nullptr) << key;
        EXPECT_EQ(*parse_value(*row, std::to_string(low)), low) << key;
        EXPECT_EQ(*parse_value(*row, std::to_string(high)), high) << key;
        EXPECT_TRUE(parse_value(*row, std::to_string(high + 1)).has_error()) << key;
        EXPECT_TRUE(parse_value(*row, "-1").has_error()) << key;
        EXPECT_TRUE(parse_value(*row, "0x1000000").has_error()) << key;
        if (low > 0) {
            EXPECT_TRUE(parse_value(*row, std::to_string(low - 1)).has_error()) << key;
        }
    }
}

// The laboratory's 7.4, 7.5, 12.1, 13.3 and 16.2: an answer that no rule allows.
TEST(negotiation, login_7_illegal_answers_end_the_login) {
    EXPECT_EQ(reply({}, {{"FirstBurstLength", "262145"}}), not_offered);
    EXPECT_EQ(reply({}, {{"FirstBurstLength", "16777216"}}), out_of_range);
    for (const auto* value : {"yes", "True", "1", "", "Yes,No", "None"}) {
        EXPECT_EQ(reply({}, {{"ImmediateData", value}}), out_of_range) << value;
        EXPECT_EQ(reply({}, {{"OFMarker", value}}), out_of_range) << value;
    }
}

// 13.3: what we cannot read in an offer is rejected; the login may go on without it.
TEST(negotiation, login_13_3_illegal_offers_are_rejected) {
    negotiation keys({}, session_type::normal);
    const auto answers = keys.receive({{"ImmediateData", "Maybe"}, {"InitialR2T", ""}}, stage);
    ASSERT_TRUE(answers.has_value());
    EXPECT_EQ(*answers, (text_pairs{{"ImmediateData", "Reject"}, {"InitialR2T", "Reject"}}));
    EXPECT_TRUE(keys.outcome()->initial_r2t);
}

TEST(negotiation, answers_that_nobody_asked_for_are_not_answered) {
    for (const auto* word : {"NotUnderstood", "Irrelevant", "Reject"}) {
        auto keys = offered();
        const auto answers =
            keys.receive({{"TaskReporting", word}, {"X-com.example", word}, {"New", word}}, stage);
        ASSERT_TRUE(answers.has_value());
        EXPECT_TRUE(answers->empty()) << word;
        negotiation discovery({}, session_type::discovery);
        discovery.offers();
        EXPECT_TRUE(discovery.receive({{"MaxBurstLength", word}}, stage)->empty()) << word;
    }
}

TEST(negotiation, the_protocol_level_is_the_smaller) {
    for (const auto& [theirs, answer] :
         {std::pair{"0", "0"}, {"1", "1"}, {"2", "1"}, {"31", "1"}, {"32", "Reject"}}) {
        auto keys = offered();
        EXPECT_EQ(
            *keys.receive({{"iSCSIProtocolLevel", theirs}}, stage),
            (text_pairs{{"iSCSIProtocolLevel", answer}})
        );
    }
}

TEST(negotiation, a_segment_length_may_be_declared_in_the_security_stage) {
    negotiation keys({}, session_type::normal);
    ASSERT_TRUE(keys.receive({{"MaxRecvDataSegmentLength", "4096"}}, key_phase::security));
    keys.offers();
    EXPECT_EQ(keys.outcome()->max_xmit_data_segment_length, 4096U);
    EXPECT_EQ(
        code_of(keys.receive({{"MaxRecvDataSegmentLength", "4096"}}, stage)),
        to_error_code(login_errc::key_repeated)
    );
}

TEST(negotiation, an_alias_forges_no_line) {
    auto keys = offered();
    ASSERT_TRUE(keys.receive({{"TargetAlias", "disk\n\x1b[2J\x7f \xc3\xa9"}}, stage));
    EXPECT_EQ(keys.target_alias(), "disk??[2J? \xc3\xa9");
}

} // namespace
} // namespace iscsi
