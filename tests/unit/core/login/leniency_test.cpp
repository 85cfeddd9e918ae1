#include "tests/unit/core/login/login_fixture.hpp"

#include "libiscsi/core/login/negotiation.hpp"

#include <functional>

// Answers that RFC 7143 forbids: what each of both modes makes of them.
namespace iscsi {
namespace {

struct breach {
    std::string key;
    std::string answer;
    std::string used;
    std::function<std::uint32_t(const operational_parameters&)> in_force =
        {}; // none: of no parameter
    std::uint32_t value = 0;
};

void PrintTo(const breach& which, std::ostream* out) {
    *out << which.key << '=' << which.answer;
}

template <class Field>
auto field(Field operational_parameters::*which) {
    return [which](const operational_parameters& agreed) { return agreed.*which; };
}

// With these offers each answer below is a wrong one.
operational_offer cautious() {
    operational_offer offer;
    offer.initial_r2t = true;
    offer.immediate_data = false;
    offer.max_burst_length = 65536;
    offer.first_burst_length = 32768;
    return offer;
}

negotiation begun(negotiation_mode mode, const operational_offer& offer = cautious()) {
    negotiation keys(offer, session_type::normal, mode);
    keys.offers();
    return keys;
}

class harmless_breach : public testing::TestWithParam<breach> {};

TEST_P(harmless_breach, is_refused_when_strict) {
    auto keys = begun(negotiation_mode::strict);
    const auto& [key, answer, used, in_force, value] = GetParam();
    const auto taken = keys.receive({{key, answer}}, key_phase::operational);
    EXPECT_TRUE(taken.has_error() || keys.outcome().has_error());
}

TEST_P(harmless_breach, is_mended_and_told_when_lenient) {
    auto keys = begun(negotiation_mode::lenient);
    const auto& [key, answer, used, in_force, value] = GetParam();
    const auto taken = keys.receive({{key, answer}}, key_phase::operational);
    ASSERT_TRUE(taken.has_value()) << taken.error().text();
    const auto agreed = keys.outcome();
    ASSERT_TRUE(agreed.has_value()) << agreed.error().text();
    const std::vector<negotiation_warning> expected{{key, answer, used}};
    EXPECT_EQ(keys.warnings(), expected);
    if (in_force) {
        EXPECT_EQ(in_force(*agreed), value);
    }
}

INSTANTIATE_TEST_SUITE_P(
    keys,
    harmless_breach,
    testing::Values(
        breach{
            "DefaultTime2Wait",
            "0",
            "2",
            field(&operational_parameters::default_time2wait),
            2}, // SCST
        breach{
            "DefaultTime2Wait",
            "5000",
            "3600",
            field(&operational_parameters::default_time2wait),
            3600},
        breach{
            "DefaultTime2Retain",
            "20",
            "0",
            field(&operational_parameters::default_time2retain),
            0},
        breach{
            "DefaultTime2Retain",
            "99999",
            "0",
            field(&operational_parameters::default_time2retain),
            0},
        breach{"InitialR2T", "No", "Yes", field(&operational_parameters::initial_r2t), 1},
        breach{"ImmediateData", "Yes", "No", field(&operational_parameters::immediate_data), 0},
        breach{
            "MaxBurstLength",
            "262144",
            "262144",
            field(&operational_parameters::max_burst_length),
            262144},
        breach{
            "MaxBurstLength",
            "16777216",
            "16777215",
            field(&operational_parameters::max_burst_length),
            16777215},
        breach{
            "FirstBurstLength",
            "65536",
            "32768",
            field(&operational_parameters::first_burst_length),
            32768},
        breach{"FirstBurstLength", "0", "0", field(&operational_parameters::first_burst_length), 0},
        breach{
            "FirstBurstLength",
            "16777216",
            "32768",
            field(&operational_parameters::first_burst_length),
            32768},
        breach{
            "MaxOutstandingR2T", "8", "8", field(&operational_parameters::max_outstanding_r2t), 8},
        breach{
            "MaxOutstandingR2T", "0", "1", field(&operational_parameters::max_outstanding_r2t), 1},
        breach{
            "MaxOutstandingR2T",
            "65535",
            "16",
            field(&operational_parameters::max_outstanding_r2t),
            16},
        breach{"MaxConnections", "8", "1"},
        breach{"MaxConnections", "0", "1"},
        breach{"DataPDUInOrder", "No", "No", field(&operational_parameters::data_pdu_in_order), 0},
        breach{
            "DataSequenceInOrder",
            "No",
            "No",
            field(&operational_parameters::data_sequence_in_order),
            0},
        breach{"MaxConnections", "Reject", "1"},
        breach{"HeaderDigest", "Reject", "None"},
        breach{"HeaderDigest", "None,CRC32C", "None"},
        breach{"DataDigest", "None,", "None"},
        breach{
            "MaxRecvDataSegmentLength",
            "16777216",
            "16777215",
            field(&operational_parameters::max_xmit_data_segment_length),
            16777215}
    )
);

TEST(leniency, cuts_a_first_burst_that_exceeds_the_target_s_own_burst) {
    auto keys = begun(negotiation_mode::lenient);
    ASSERT_TRUE(keys.receive(
                        {{"MaxBurstLength", "8192"}, {"FirstBurstLength", "16384"}},
                        key_phase::operational
    )
                    .has_value());
    EXPECT_EQ(keys.outcome()->first_burst_length, 8192U);
    const std::vector<negotiation_warning> expected{{"FirstBurstLength", "16384", "8192"}};
    EXPECT_EQ(keys.warnings(), expected);
}

TEST(leniency, takes_a_key_again_only_when_it_says_the_same) {
    for (const auto* key : {"MaxBurstLength", "TargetPortalGroupTag", "MaxRecvDataSegmentLength"}) {
        auto strict = begun(negotiation_mode::strict);
        auto same = begun(negotiation_mode::lenient);
        auto other = begun(negotiation_mode::lenient);
        for (auto* keys : {&strict, &same, &other})
            ASSERT_TRUE(keys->receive({{key, "1024"}}, key_phase::operational).has_value());
        EXPECT_TRUE(strict.receive({{key, "1024"}}, key_phase::operational).has_error()) << key;
        EXPECT_TRUE(other.receive({{key, "2048"}}, key_phase::operational).has_error()) << key;
        EXPECT_TRUE(same.receive({{key, "1024"}}, key_phase::operational).has_value()) << key;
        ASSERT_EQ(same.warnings().size(), 1U);
        EXPECT_EQ(same.warnings().front().key, key);
    }
}

TEST(leniency, ends_where_data_could_be_lost) {
    const text_pairs dangerous{
        {"HeaderDigest", "CRC32C"},    // the stream would be cut in the wrong places
        {"DataDigest", "CRC32C,None"}, // what it means first was not offered
        {"ErrorRecoveryLevel", "1"},   // it would hold status back for a SNACK
        {"ErrorRecoveryLevel", "3"},   //
        {"IFMarker", "Yes"},           // markers would stand in the stream
        {"MaxBurstLength", "0"},       // no room for a single block
        {"MaxBurstLength", "511"},     //
        {"MaxRecvDataSegmentLength", "0"},
        {"TargetPortalGroupTag", "65536"}, // another portal group's tag would do for it
        {"InitialR2T", "yes"},             // no value at all
        {"MaxConnections", "many"},
        {"DefaultTime2Wait", ""},
        {"HeaderDigest", ""}, // no choice at all
        {"MaxBurstLength", "99999999999"}};
    for (const auto& pair : dangerous) {
        auto keys = begun(negotiation_mode::lenient);
        EXPECT_TRUE(keys.receive({pair}, key_phase::operational).has_error())
            << pair.key << '=' << pair.value;
    }
}

TEST(leniency, says_nothing_of_a_target_that_keeps_the_rules) {
    auto keys = begun(negotiation_mode::lenient);
    ASSERT_TRUE(keys.receive(
                        {{"DefaultTime2Wait", "5"},
                         {"MaxBurstLength", "8192"},
                         {"FirstBurstLength", "Irrelevant"},
                         {"InitialR2T", "Yes"},
                         {"HeaderDigest", "None"}},
                        key_phase::operational
    )
                    .has_value());
    ASSERT_TRUE(keys.outcome().has_value());
    EXPECT_TRUE(keys.warnings().empty());
}

TEST(leniency, shows_no_control_characters) {
    auto keys = begun(negotiation_mode::lenient);
    ASSERT_TRUE(keys.receive({{"HeaderDigest", "None,\x1b[2J"}}, key_phase::operational).has_value()
    );
    ASSERT_EQ(keys.warnings().size(), 1U);
    EXPECT_EQ(keys.warnings().front().got, "None,?[2J");
}

// ---- whole logins -------------------------------------------------------------------------------

session_config lenient_config() {
    auto config = normal_config();
    config.negotiation = negotiation_mode::lenient;
    return config;
}

TEST_F(login_test, a_session_without_a_handle_is_one_when_lenient) {
    begin(lenient_config());
    auto last = response();
    last.target_session_identifying_handle = 0;
    const auto done = completed(give(last));
    EXPECT_EQ(done.target_session_identifying_handle, 0);
    const std::vector<negotiation_warning> expected{{"TSIH", "0", "0"}};
    EXPECT_EQ(done.warnings, expected);
}

TEST_F(login_test, another_handle_than_the_session_s_is_refused_in_any_mode) {
    for (const auto handle : {std::uint16_t{0}, std::uint16_t{0x22}}) {
        begin(lenient_config(), 0x21);
        auto last = response();
        last.target_session_identifying_handle = handle;
        EXPECT_EQ(error_of(last), to_error_code(login_errc::wrong_session_handle));
    }
}

TEST_F(login_test, warnings_come_with_the_end_of_the_login) {
    for (const auto type : {session_type::normal, session_type::discovery}) {
        auto config = lenient_config();
        config.type = type;
        begin(config);
        const auto done = completed(give(response(), {{"DefaultTime2Wait", "0"}}));
        EXPECT_EQ(done.parameters.default_time2wait, 2);
        const std::vector<negotiation_warning> expected{{"DefaultTime2Wait", "0", "2"}};
        EXPECT_EQ(done.warnings, expected);
    }
}

TEST_F(login_test, a_list_of_methods_means_the_first) {
    auto config = lenient_config();
    config.auth.outgoing = {"alice", "secret-of-alice-1"};
    begin(config);
    ASSERT_TRUE(give(response_without_transit(), {{"AuthMethod", "CHAP,None"}}).has_value());
    EXPECT_EQ(said("CHAP_A"), "5");
    begin(config);
    ASSERT_TRUE(give(response_without_transit(), {{"AuthMethod", "None,CHAP"}}).has_value());
    EXPECT_TRUE(sent.request.transit);
    begin(config);
    EXPECT_TRUE(give(response_without_transit(), {{"AuthMethod", "KRB5,CHAP"}}).has_error());
    config.auth.incoming = {"target", "secret-of-target1"};
    begin(config); // who must prove itself cannot mean None
    EXPECT_TRUE(give(response_without_transit(), {{"AuthMethod", "None,CHAP"}}).has_error());
}

} // namespace
} // namespace iscsi
