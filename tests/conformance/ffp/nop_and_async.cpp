#include "tests/conformance/words.hpp"

// NOP (RFC 7143 §11.18, §11.19) and Asynchronous Messages (§11.9).
namespace iscsi::test {
namespace {

async_message message(std::uint8_t event) {
    async_message pdu;
    pdu.async_event = event;
    pdu.parameter2 = 3;  // Time2Wait of events 2 and 3
    pdu.parameter3 = 10; // seconds to react within, of events 1 and 4
    return pdu;
}

a<logout_request> logout_of_the_connection() {
    return a<logout_request>()
        .with("reason", &logout_request::reason, logout_reason::close_connection)
        .with("CID", &logout_request::connection_id, 0)
        .with("I", &logout_request::immediate, true);
}

script leave_and_return(std::uint8_t event) {
    return script()
        .log_in()
        .give(message(event))
        .expect(logout_of_the_connection())
        .give(logout_response{.time2wait = 2})
        .act([](session_world& world) {
            ASSERT_TRUE(world.take_event<want_close>());
            world.lose_transport();
        })
        .pass(time2wait)
        .log_in();
}

CONFORMANCE(FFP, "14.1", "Async Logout Request") {
    leave_and_return(1).run(quiet_config());
}

NOT_APPLICABLE(FFP, "14.2", "Async Logout Request, several connections", "needs MaxConnections > 1")

CONFORMANCE(FFP, "15.1", "NOP-Out ping response") {
    nop_in ping;
    ping.lun = {std::byte{0}, std::byte{5}};
    ping.target_transfer_tag = 0x1234'5678;
    script()
        .log_in()
        .give(ping, pattern(64, 1))
        .expect(a<nop_out>()
                    .with("I", &nop_out::immediate, true)
                    .with("ITT", &nop_out::initiator_task_tag, reserved_tag)
                    .with("TTT", &nop_out::target_transfer_tag, 0x1234'5678U)
                    .with("LUN", &nop_out::lun, ping.lun)
                    .data_size(0))
        .run(quiet_config());
}

CONFORMANCE(FFP, "15.2", "NOP-Out ping request") {
    script()
        .log_in()
        .pass(std::chrono::seconds(5))
        .expect(
            a<nop_out>()
                .with("TTT", &nop_out::target_transfer_tag, reserved_tag)
                .with("LUN", &nop_out::lun, lun_field{})
                .check([](const nop_out& pdu, bytes_view) {
                    EXPECT_NE(pdu.initiator_task_tag, reserved_tag);
                }),
            "ping"
        )
        .give(nop_in{}, {}, "ping")
        .pass(std::chrono::seconds(4))
        .expect_silence()
        .run(world_config());
}

CONFORMANCE(FFP, "15.3", "NOP-Out confirms ExpStatSN") {
    std::vector<std::uint32_t> seen;
    const auto note = [&seen](const auto& pdu, bytes_view) {
        seen.push_back(pdu.expected_status_sn);
    };
    script()
        .log_in()
        .submit("read", reads(1))
        .expect(a<scsi_command>().check(note), "read")
        .give(data_in{.final = true, .has_status = true}, pattern(512, 1), "read")
        .pass(std::chrono::seconds(5))
        .expect(a<nop_out>().check(note))
        .run(world_config());
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_EQ(seen.at(1), seen.at(0) + 1);
}

CONFORMANCE(FFP, "20.1", "Async: target requests logout") {
    const auto data = pattern(512, 2);
    script() // what is out may end first; what comes meanwhile goes out after the new login
        .log_in()
        .submit("before", reads(1))
        .expect(a<scsi_command>(), "before")
        .give(message(1))
        .submit("after", reads(1))
        .expect_silence()
        .give(data_in{.final = true, .has_status = true}, data, "before")
        .expect_done("before")
        .expect(logout_of_the_connection())
        .give(logout_response{.time2wait = 2})
        .act([](session_world& world) {
            ASSERT_TRUE(world.take_event<want_close>());
            world.lose_transport();
        })
        .pass(time2wait)
        .log_in()
        .expect(a<scsi_command>(), "after")
        .give(data_in{.final = true, .has_status = true}, data, "after")
        .expect_done("after")
        .run(quiet_config());
}

// The connection is over at once; Time2Wait is Parameter2; the command is repeated.
void dropped_by(std::uint8_t event) {
    script()
        .log_in()
        .submit("read", reads(1))
        .expect(a<scsi_command>(), "read")
        .give(message(event))
        .act([](session_world& world) {
            ASSERT_TRUE(world.take_event<want_close>());
            world.lose_transport();
        })
        .pass(std::chrono::milliseconds(2999))
        .act([](session_world& world) { EXPECT_FALSE(world.take_event<want_transport>()); })
        .pass(std::chrono::milliseconds(1))
        .log_in()
        .expect(a<scsi_command>(), "read")
        .give(data_in{.final = true, .has_status = true}, pattern(512, 2), "read")
        .expect_done("read")
        .run(quiet_config());
}

CONFORMANCE(FFP, "20.2", "Async: target drops the connection") {
    dropped_by(2);
}

CONFORMANCE(FFP, "20.3", "Async: target drops all connections") {
    dropped_by(3);
}

CONFORMANCE(FFP, "20.4", "Async: target requests negotiation") {
    script()
        .log_in()
        .give(message(4))
        .expect(
            a<text_request>()
                .with("F", &text_request::final, true)
                .with("TTT", &text_request::target_transfer_tag, reserved_tag)
                .key("MaxRecvDataSegmentLength", "262144"),
            "negotiation"
        )
        .give(text_response{}, {{"MaxRecvDataSegmentLength", "1024"}})
        .submit("write", writes(pattern(2048, 1)))
        .expect(a<scsi_command>().data_size(1024))
        .run(quiet_config());
}

} // namespace
} // namespace iscsi::test
