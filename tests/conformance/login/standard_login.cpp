#include "tests/conformance/login/words.hpp"

#include <set>

// The dialogue itself: header fields, TSIH, T bit, StatSN (RFC 7143 §6.3, §11.12, §11.13).
namespace iscsi::test {
namespace {

a<login_request> leading_request() {
    return a<login_request>()
        .with("T", &login_request::transit, true)
        .with("C", &login_request::continues, false)
        .with("CSG", &login_request::current_stage, login_stage::operational_negotiation)
        .with("NSG", &login_request::next_stage, login_stage::full_feature)
        .with("ISID", &login_request::isid, quiet_config().isid)
        .with("TSIH", &login_request::target_session_identifying_handle, 0)
        .with("CID", &login_request::connection_id, 0)
        .with("ExpStatSN", &login_request::expected_status_sn, 0U);
}

CONFORMANCE(LOGIN, "1.1", "Standard Login") {
    script()
        .expect(leading_request())
        .give(last_answer(), script::usual_answers())
        .expect_event<logged_in>()
        .submit("read", reads(1))
        .expect(a<scsi_command>(), "read")
        .give(data_in{.final = true, .has_status = true}, pattern(512, 1), "read")
        .expect_done("read")
        .run(quiet_config());
}

CONFORMANCE(LOGIN, "2.1", "TSIH") {
    const auto zero =
        a<login_request>().with("TSIH", &login_request::target_session_identifying_handle, 0);
    script()
        .expect(zero)
        .give(operational_answer())
        .expect(zero) // still, until the target has chosen one
        .give(last_answer(), script::usual_answers())
        .expect_event<logged_in>()
        .act([](session_world& world) { world.lose_transport(); })
        .pass(time2wait)
        .expect(leading_request()) // reinstatement: the same ISID, TSIH 0 (§6.3.5)
        .run(quiet_config());
}

CONFORMANCE(LOGIN, "2.2", "TSIH invalid value") {
    auto without = last_answer();
    without.target_session_identifying_handle = 0;
    script()
        .expect(a<login_request>())
        .give(without, script::usual_answers())
        .expect_event<login_failed>(fails_with(login_errc::wrong_session_handle))
        .run(quiet_config());
}

NOT_APPLICABLE(LOGIN, "2.3", "TSIH in second connection", "needs MaxConnections > 1")

CONFORMANCE(LOGIN, "3.1", "T bit") {
    auto skipping = operational_answer(); // T=1 although NSG was not reached by our wish
    skipping.transit = true;
    skipping.next_stage = login_stage::operational_negotiation;
    script()
        .expect(leading_request())
        .give(skipping)
        .expect_event<login_failed>()
        .run(quiet_config());
}

CONFORMANCE(LOGIN, "3.1", "T bit") {
    auto config = quiet_config(); // more text than one PDU holds: no T before its end
    config.initiator_alias = std::string(255, 'a');
    config.auth = {};
    script()
        .expect(a<login_request>().with("T", &login_request::transit, true))
        .give(last_answer(), script::usual_answers())
        .expect_event<logged_in>()
        .run(config);
}

CONFORMANCE(LOGIN, "3.2", "T bit delay") {
    const auto patient = a<login_request>().with("T", &login_request::transit, true).data_size(0);
    script()
        .expect(leading_request())
        .give(operational_answer(), script::usual_answers())
        .expect(patient)
        .give(operational_answer())
        .expect(patient)
        .give(last_answer())
        .expect_event<logged_in>()
        .run(quiet_config());
}

// The first StatSN is the target's choice; ExpStatSN follows it.
void status_number_is_followed(std::uint32_t first) {
    script()
        .expect(leading_request())
        .give_spoilt<login_response>(
            operational_answer(), [=](login_response& pdu) { pdu.status_sn = first; }
        )
        .expect(a<login_request>().with("ExpStatSN", &login_request::expected_status_sn, first + 1))
        .run(quiet_config());
}

CONFORMANCE(LOGIN, "4.1", "StatSN zero") {
    status_number_is_followed(0);
}

CONFORMANCE(LOGIN, "4.2", "StatSN non-zero") {
    status_number_is_followed(0x7654'3210);
    status_number_is_followed(0xffff'ffff);
}

CONFORMANCE(LOGIN, "5.1", "ExpStatSN") {
    script()
        .expect(leading_request())
        .give(operational_answer())
        .expect(a<login_request>().with("ExpStatSN", &login_request::expected_status_sn, 78U))
        .give(operational_answer())
        .expect(a<login_request>().with("ExpStatSN", &login_request::expected_status_sn, 79U))
        .give(last_answer(), script::usual_answers())
        .submit("read", reads(1))
        .expect(a<scsi_command>().with("ExpStatSN", &scsi_command::expected_status_sn, 80U))
        .run(quiet_config());
}

CONFORMANCE(LOGIN, "6.1", "Negotiate Once") {
    std::multiset<std::string> offered;
    const auto note = [&offered](const login_request&, bytes_view data) {
        const auto text = parse_text(data);
        ASSERT_TRUE(text.has_value());
        for (const auto& [key, value] : *text)
            offered.insert(key);
    };
    script()
        .expect(leading_request().check(note))
        .give(operational_answer(), script::usual_answers())
        .expect(a<login_request>().check(note))
        .give(operational_answer())
        .expect(a<login_request>().check(note))
        .give(last_answer())
        .run(quiet_config());
    EXPECT_GT(offered.size(), 15U);
    for (const auto& key : offered)
        EXPECT_EQ(offered.count(key), 1U) << key;
}

CONFORMANCE(LOGIN, "6.2", "Negotiate Once, ImmediateData in separate PDUs") {
    const text_pairs once{{"ImmediateData", "Yes"}};
    script()
        .expect(a<login_request>())
        .give(operational_answer(), once)
        .expect(a<login_request>())
        .give(operational_answer(), once)
        .expect_event<login_failed>(fails_with(login_errc::key_repeated))
        .run(quiet_config());
}

CONFORMANCE(LOGIN, "6.3", "Negotiate Once, ImmediateData in the same PDU") {
    script()
        .expect(a<login_request>())
        .give(operational_answer(), text_pairs{{"ImmediateData", "Yes"}, {"ImmediateData", "No"}})
        .expect_event<login_failed>(fails_with(login_errc::key_repeated))
        .run(quiet_config());
}

CONFORMANCE(LOGIN, "7.1", "Login Request") {
    script()
        .expect(leading_request().check([](const login_request& pdu, bytes_view data) {
            EXPECT_NE(pdu.initiator_task_tag, reserved_tag);
            EXPECT_TRUE(parse_text(data, 255).has_value()); // each value within 255 bytes (§6.1)
        }))
        .run(quiet_config());
}

CONFORMANCE(LOGIN, "8.1", "Invalid PDU") {
    for (const target_pdu& stranger :
         {target_pdu(nop_in{}),
          target_pdu(scsi_response{}),
          target_pdu(async_message{}),
          target_pdu(logout_response{}),
          target_pdu(task_management_response{})})
        script()
            .expect(a<login_request>())
            .give_exactly(stranger)
            .expect_event<login_failed>([](const login_failed& how) {
                EXPECT_EQ(how.verdict, login_verdict::fatal);
            })
            .run(quiet_config());
}

} // namespace
} // namespace iscsi::test
