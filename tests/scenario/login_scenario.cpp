#include "tests/support/script.hpp"

#include <gtest/gtest.h>

// The login phase, PDU by PDU (RFC 7143 §6.3).
namespace iscsi::test {
namespace {

login_response operational_answer() {
    login_response response;
    response.current_stage = login_stage::operational_negotiation;
    return response;
}

login_response last_answer() {
    auto response = operational_answer();
    response.transit = true;
    response.next_stage = login_stage::full_feature;
    response.target_session_identifying_handle = 0x11;
    return response;
}

login_response refusal(std::uint8_t status_class, std::uint8_t detail) {
    auto response = operational_answer();
    response.status_class = status_class;
    response.status_detail = detail;
    return response;
}

TEST(login_scenario, one_exchange) {
    script()
        .expect(
            a<login_request>()
                .with("CSG", &login_request::current_stage, login_stage::operational_negotiation)
                .with("NSG", &login_request::next_stage, login_stage::full_feature)
                .with("T", &login_request::transit, true)
                .with("TSIH", &login_request::target_session_identifying_handle, 0)
                .key("InitiatorName", "iqn.2026-01.org.example:initiator")
                .key("TargetName", "iqn.2026-01.org.example:memory")
                .key("SessionType", "Normal")
                .key("ErrorRecoveryLevel", "0")
        )
        .give(last_answer(), script::usual_answers())
        .expect_event<logged_in>([](const logged_in& how) { EXPECT_FALSE(how.again); })
        .expect_silence()
        .split_input_everywhere()
        .lose_transport_at_each_step()
        .run(world_config());
}

TEST(login_scenario, text_over_several_responses) {
    auto more = operational_answer();
    more.continues = true;
    const auto text = format_text(script::usual_answers());
    const auto half = bytes_of(text).first(text.size() / 2); // in the middle of a key
    const auto rest = bytes_of(text).subspan(text.size() / 2);
    script()
        .expect(a<login_request>())
        .give(more, std::vector<std::byte>(half.begin(), half.end()))
        .expect(a<login_request>().with("T", &login_request::transit, false).data_size(0))
        .give(operational_answer(), std::vector<std::byte>(rest.begin(), rest.end()))
        .expect(a<login_request>().with("T", &login_request::transit, true).data_size(0))
        .give(last_answer())
        .expect_event<logged_in>()
        .split_input_everywhere()
        .lose_transport_at_each_step()
        .run(world_config());
}

TEST(login_scenario, the_target_offers_a_key_of_its_own) {
    script()
        .expect(a<login_request>())
        .give(operational_answer(), text_pairs{{"X-org.example.colour", "blue"}})
        .expect(a<login_request>().key("X-org.example.colour", "NotUnderstood"))
        .give(last_answer(), script::usual_answers())
        .expect_event<logged_in>()
        .lose_transport_at_each_step()
        .run(world_config());
}

TEST(login_scenario, expected_status_sn_follows_the_target) {
    script()
        .expect(a<login_request>().with("ExpStatSN", &login_request::expected_status_sn, 0U))
        .give(operational_answer())
        .expect(a<login_request>().with("ExpStatSN", &login_request::expected_status_sn, 78U))
        .give(last_answer(), script::usual_answers())
        .expect_event<logged_in>()
        .run(world_config());
}

TEST(login_scenario, authentication_failure_ends_the_attempt) {
    script()
        .expect(a<login_request>())
        .give(refusal(2, 1))
        .expect_event<login_failed>([](const login_failed& how) {
            EXPECT_EQ(how.verdict, login_verdict::authentication);
            EXPECT_EQ(how.status_class, 2);
            EXPECT_EQ(how.status_detail, 1);
        })
        .expect_event<want_close>()
        .split_input_everywhere()
        .run(world_config());
}

TEST(login_scenario, a_busy_target_is_asked_again) {
    script()
        .expect(a<login_request>())
        .give(refusal(3, 1))
        .expect_event<login_failed>([](const login_failed& how) {
            EXPECT_EQ(how.verdict, login_verdict::retry);
        })
        .expect_event<want_close>()
        .act([](session_world& world) { world.lose_transport(); })
        .pass(std::chrono::seconds(60))
        .expect(a<login_request>())
        .give(last_answer(), script::usual_answers())
        .expect_event<logged_in>()
        .lose_transport_at_each_step()
        .run(world_config());
}

TEST(login_scenario, a_redirection_is_followed) {
    script()
        .expect(a<login_request>())
        .give(refusal(1, 1), text_pairs{{"TargetAddress", "10.0.0.9:3261,1"}})
        .expect_event<want_close>()
        .act([](session_world& world) {
            world.lose_transport();
            const auto wish = world.take_event<want_transport>();
            ASSERT_TRUE(wish && wish->redirect);
            EXPECT_EQ(wish->redirect->host, "10.0.0.9");
            EXPECT_EQ(wish->redirect->port, 3261);
            EXPECT_FALSE(wish->redirect_is_permanent);
            world.engine().transport_up(world.now());
        })
        .expect(a<login_request>())
        .give(last_answer(), script::usual_answers())
        .expect_event<logged_in>()
        .run(world_config());
}

TEST(login_scenario, a_silent_target_is_left_after_the_login_timeout) {
    script()
        .expect(a<login_request>())
        .pass(std::chrono::seconds(16))
        .expect_event<want_close>()
        .run(world_config());
}

TEST(login_scenario, a_wrong_answer_ends_the_attempt) {
    const std::vector<text_pairs> wrong_answers{
        {{"MaxBurstLength", "16777215"}}, // more than was offered
        {{"ErrorRecoveryLevel", "1"}},    //
        {{"MaxConnections", "2"}},        //
        {{"HeaderDigest", "CRC32C"}},     // not offered
        {{"ImmediateData", "Perhaps"}},   // no boolean
        {{"InitialR2T", "Yes"}, {"InitialR2T", "Yes"}},
        {{"MaxRecvDataSegmentLength", "0"}},
        {{"AuthMethod", "CHAP"}},
    };
    for (const auto& answers : wrong_answers)
        script()
            .expect(a<login_request>())
            .give(last_answer(), answers)
            .expect_event<login_failed>([](const login_failed& how) {
                EXPECT_EQ(how.verdict, login_verdict::fatal);
                EXPECT_EQ(how.why.code.category().name(), std::string("iscsi.login"));
            })
            .expect_event<want_close>()
            .run(world_config());
}

TEST(login_scenario, other_pdus_have_no_place_in_it) {
    for (const target_pdu& stranger :
         {target_pdu(nop_in{}), target_pdu(scsi_response{}), target_pdu(async_message{})}) {
        session_world world(world_config());
        world.engine().start(world.now());
        world.engine().transport_up(world.now());
        world.take_sent(SIZE_MAX);
        basic_header header;
        encode(stranger, 0, header);
        EXPECT_TRUE(world.deliver(header).has_error());
    }
}

} // namespace
} // namespace iscsi::test
