#include "tests/conformance/login/words.hpp"

// Negotiation of the operational keys (RFC 7143 §6.2, §13).
namespace iscsi::test {
namespace {

session_config with_digests(const digest_list& list) {
    auto config = quiet_config();
    config.offer.header_digest = config.offer.data_digest = list;
    return config;
}

a<login_request> offers(const std::string& key, const std::string& value) {
    return a<login_request>().key(key, value);
}

CONFORMANCE(LOGIN, "7.2", "list negotiation") {
    script()
        .expect(offers("HeaderDigest", "CRC32C,None").key("DataDigest", "CRC32C,None"))
        .give(last_answer(), answers_with({{"HeaderDigest", "None"}, {"DataDigest", "CRC32C"}}))
        .expect_event<logged_in>()
        .act([](session_world& world) {
            EXPECT_EQ(world.engine().parameters().header_digest, digest::none);
            EXPECT_EQ(world.engine().parameters().data_digest, digest::crc32c);
        })
        .run(with_digests({digest::crc32c, digest::none}));
}

CONFORMANCE(LOGIN, "7.3", "invalid AuthMethod") {
    auto config = quiet_config();
    config.auth.outgoing = {"alice", "secret-of-alice-1"};
    for (const char* method : {"KRB5", "SRP", "CHAP,None", "chap", "Nothing"}) {
        login_response answer;
        answer.current_stage = login_stage::security_negotiation;
        script()
            .expect(offers("AuthMethod", "CHAP,None"))
            .give(answer, text_pairs{{"AuthMethod", method}})
            .expect_event<login_failed>(fails_with(login_errc::value_not_offered))
            .run(config);
    }
}

CONFORMANCE(LOGIN, "7.4", "FirstBurstLength too high") {
    answer_is_refused({{"FirstBurstLength", "16777215"}}, login_errc::value_not_offered);
    answer_is_refused({{"FirstBurstLength", "16777216"}}, login_errc::value_out_of_range);
}

CONFORMANCE(LOGIN, "7.5", "ImmediateData invalid value") {
    answer_is_refused({{"ImmediateData", "Perhaps"}}, login_errc::value_out_of_range);
}

CONFORMANCE(LOGIN, "7.6", "invalid key") {
    offer_is_answered({"NoSuchKey", "1"}, "NotUnderstood");
}

CONFORMANCE(LOGIN, "9.1", "Header and Data Digests offer") {
    script()
        .expect(offers("HeaderDigest", "CRC32C").key("DataDigest", "CRC32C"))
        .run(with_digests({digest::crc32c}));
    script()
        .expect(offers("HeaderDigest", "None,CRC32C").key("DataDigest", "None,CRC32C"))
        .run(with_digests({digest::none, digest::crc32c}));
}

CONFORMANCE(LOGIN, "9.2", "Header and Data Digests response") {
    answer_is_refused({{"HeaderDigest", "CRC32C"}}, login_errc::value_not_offered);
    answer_is_refused({{"DataDigest", "MD5"}}, login_errc::value_not_offered);
}

CONFORMANCE(LOGIN, "9.3", "CRC32C support") {
    const auto data = pattern(512, 3);
    login_answered({{"HeaderDigest", "CRC32C"}, {"DataDigest", "CRC32C"}})
        .expect_event<logged_in>()
        .submit("write", writes(data)) // the script checks and adds the digests of both sides
        .expect(a<scsi_command>().data(data), "write")
        .give(scsi_response{}, {}, "write")
        .expect_done("write")
        .submit("read", reads(1))
        .expect(a<scsi_command>(), "read")
        .give(data_in{.final = true, .has_status = true}, data, "read")
        .expect_done("read")
        .run(with_digests({digest::crc32c, digest::none}));
}

CONFORMANCE(LOGIN, "10.1", "MaxConnections") {
    script()
        .expect(offers("MaxConnections", "1"))
        .give(last_answer(), script::usual_answers())
        .expect_event<logged_in>()
        .run(quiet_config());
    answer_is_refused({{"MaxConnections", "2"}}, login_errc::value_not_offered);
    answer_is_refused({{"MaxConnections", "0"}}, login_errc::value_out_of_range);
}

CONFORMANCE(LOGIN, "11.1", "InitiatorName and TargetName") {
    script()
        .expect(offers("InitiatorName", quiet_config().initiator_name)
                    .key("TargetName", quiet_config().target_name)
                    .key("SessionType", "Normal"))
        .run(quiet_config());
}

CONFORMANCE(LOGIN, "12.1", "Marker negotiation") {
    for (const char* key : {"IFMarker", "OFMarker"}) // obsolete: §13.25
        script()
            .expect(offers(key, "No"))
            .give(last_answer(), script::usual_answers())
            .expect_event<logged_in>()
            .run(quiet_config());
    offer_is_answered({"IFMarkInt", "2048~8192"}, "Reject");
}

CONFORMANCE(LOGIN, "13.1", "Boolean") {
    auto config = quiet_config();
    config.offer.initial_r2t = false;
    config.offer.immediate_data = true;
    login_agrees_on(config, {{"InitialR2T", "Yes"}, {"ImmediateData", "No"}}, [](const auto& now) {
        EXPECT_TRUE(now.initial_r2t);     // OR
        EXPECT_FALSE(now.immediate_data); // AND
    });
    login_agrees_on(config, {{"InitialR2T", "No"}, {"ImmediateData", "Yes"}}, [](const auto& now) {
        EXPECT_FALSE(now.initial_r2t);
        EXPECT_TRUE(now.immediate_data);
    });
}

CONFORMANCE(LOGIN, "13.2", "legal Boolean") {
    auto config = quiet_config();
    config.offer.data_pdu_in_order = config.offer.data_sequence_in_order = false;
    login_agrees_on(
        config,
        {{"DataPDUInOrder", "No"}, {"DataSequenceInOrder", "Yes"}},
        [](const auto& now) {
            EXPECT_FALSE(now.data_pdu_in_order);
            EXPECT_TRUE(now.data_sequence_in_order);
        }
    );
}

CONFORMANCE(LOGIN, "13.3", "illegal Boolean") {
    for (const char* value : {"yes", "YES", "1", "true", "Yes,No", ""})
        answer_is_refused({{"InitialR2T", value}}, login_errc::value_out_of_range);
    auto config = quiet_config(); // OR: our Yes cannot become No
    config.offer.initial_r2t = true;
    login_answered({{"InitialR2T", "No"}})
        .expect_event<login_failed>(fails_with(login_errc::value_not_offered))
        .run(config);
}

CONFORMANCE(LOGIN, "14.1", "MaxRecvDataSegmentLength") {
    login_agrees_on(quiet_config(), {{"MaxRecvDataSegmentLength", "4096"}}, [](const auto& now) {
        EXPECT_EQ(now.max_xmit_data_segment_length, 4096U);
        EXPECT_EQ(now.max_recv_data_segment_length, 262144U); // declared, not negotiated
    });
    for (const char* value : {"511", "0", "16777216"})
        answer_is_refused({{"MaxRecvDataSegmentLength", value}}, login_errc::value_out_of_range);
}

CONFORMANCE(LOGIN, "15.1", "MaxBurstLength") {
    login_agrees_on(
        quiet_config(),
        {{"MaxBurstLength", "65536"}, {"FirstBurstLength", "65536"}},
        [](const auto& now) { EXPECT_EQ(now.max_burst_length, 65536U); }
    );
    answer_is_refused({{"MaxBurstLength", "16777215"}}, login_errc::value_not_offered);
    answer_is_refused({{"MaxBurstLength", "511"}}, login_errc::value_out_of_range);
}

CONFORMANCE(LOGIN, "16.1", "FirstBurstLength less than MaxBurstLength") {
    login_agrees_on(
        quiet_config(),
        {{"MaxBurstLength", "65536"}, {"FirstBurstLength", "16384"}},
        [](const auto& now) { EXPECT_EQ(now.first_burst_length, 16384U); }
    );
}

CONFORMANCE(LOGIN, "16.2", "FirstBurstLength greater than MaxBurstLength") {
    answer_is_refused(
        {{"MaxBurstLength", "16384"}, {"FirstBurstLength", "65536"}}, login_errc::value_out_of_range
    );
}

CONFORMANCE(LOGIN, "16.3", "FirstBurstLength offered by the initiator") {
    auto config = quiet_config();
    config.offer.max_burst_length = 32768;
    config.offer.first_burst_length = 65536; // a setting that cannot be: the offer is legal
    script().expect(offers("MaxBurstLength", "32768").key("FirstBurstLength", "32768")).run(config);
}

CONFORMANCE(LOGIN, "17.1", "DefaultTime2Retain") {
    auto config = quiet_config();
    config.offer.default_time2retain = 30;
    login_agrees_on(config, {{"DefaultTime2Retain", "10"}}, [](const auto& now) {
        EXPECT_EQ(now.default_time2retain, 10U); // the smaller one
    });
    answer_is_refused({{"DefaultTime2Retain", "20"}}, login_errc::value_not_offered);
    answer_is_refused({{"DefaultTime2Retain", "3601"}}, login_errc::value_out_of_range);
}

CONFORMANCE(LOGIN, "18.1", "DefaultTime2Wait") {
    login_agrees_on(quiet_config(), {{"DefaultTime2Wait", "7"}}, [](const auto& now) {
        EXPECT_EQ(now.default_time2wait, 7U); // the bigger one
    });
    answer_is_refused({{"DefaultTime2Wait", "1"}}, login_errc::value_not_offered);
    answer_is_refused({{"DefaultTime2Wait", "3601"}}, login_errc::value_out_of_range);
}

CONFORMANCE(LOGIN, "19.1", "MaxOutstandingR2T") {
    auto config = quiet_config();
    config.offer.max_outstanding_r2t = 8;
    login_agrees_on(config, {{"MaxOutstandingR2T", "4"}}, [](const auto& now) {
        EXPECT_EQ(now.max_outstanding_r2t, 4U);
    });
    answer_is_refused({{"MaxOutstandingR2T", "2"}}, login_errc::value_not_offered);
    answer_is_refused({{"MaxOutstandingR2T", "0"}}, login_errc::value_out_of_range);
}

CONFORMANCE(LOGIN, "20.1", "ErrorRecoveryLevel") {
    script()
        .expect(offers("ErrorRecoveryLevel", "0"))
        .give(last_answer(), script::usual_answers())
        .expect_event<logged_in>()
        .run(quiet_config());
    answer_is_refused({{"ErrorRecoveryLevel", "1"}}, login_errc::value_not_offered);
    answer_is_refused({{"ErrorRecoveryLevel", "3"}}, login_errc::value_out_of_range);
}

CONFORMANCE(LOGIN, "21.1", "SessionType") {
    auto config = quiet_config();
    config.type = session_type::discovery;
    config.target_name.clear();
    script()
        .expect(offers("SessionType", "Discovery").check([](const login_request&, bytes_view data) {
            EXPECT_EQ(find_value(parse_text(data).value(), "TargetName"), nullptr);
        }))
        .give(last_answer(), text_pairs{{"MaxRecvDataSegmentLength", "8192"}})
        .expect_event<logged_in>()
        .run(config);
}

CONFORMANCE(LOGIN, "22.1", "AuthMethod") {
    auto config = quiet_config();
    config.auth.outgoing = {"alice", "secret-of-alice-1"};
    login_response answer;
    answer.current_stage = login_stage::security_negotiation;
    answer.next_stage = login_stage::operational_negotiation;
    answer.transit = false;
    script() // a target that needs no proof of ours
        .expect(offers("AuthMethod", "CHAP,None")
                    .with("CSG", &login_request::current_stage, login_stage::security_negotiation))
        .give(answer, text_pairs{{"AuthMethod", "None"}})
        .expect(a<login_request>()
                    .with("T", &login_request::transit, true)
                    .with("NSG", &login_request::next_stage, login_stage::operational_negotiation))
        .run(config);
}

CONFORMANCE(LOGIN, "23.1", "TargetPortalGroupTag") {
    login_answered({{"TargetPortalGroupTag", "4711"}})
        .expect_event<logged_in>()
        .act([](session_world& world) {
            EXPECT_EQ(world.engine().parameters().target_portal_group_tag, 4711);
        })
        .run(quiet_config());
    answer_is_refused({{"TargetPortalGroupTag", "65536"}}, login_errc::value_out_of_range);
}

} // namespace
} // namespace iscsi::test
