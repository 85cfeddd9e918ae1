#include "tests/support/script.hpp"

#include <gtest/gtest.h>

// NOP, asynchronous messages, task management and logout (RFC 7143 §11.5, §11.9, §11.14, §11.18).
namespace iscsi::test {
namespace {

nop_in ping_of_the_target() {
    nop_in pdu;
    pdu.lun = {std::byte{0}, std::byte{5}};
    pdu.target_transfer_tag = 0x99;
    return pdu;
}

TEST(nop_scenario, a_ping_of_the_target_is_answered_with_its_tag_and_lun) {
    script()
        .log_in()
        .give(ping_of_the_target())
        .expect(a<nop_out>()
                    .with("I", &nop_out::immediate, true)
                    .with("ITT", &nop_out::initiator_task_tag, reserved_tag)
                    .with("TTT", &nop_out::target_transfer_tag, 0x99U)
                    .with("LUN", &nop_out::lun, ping_of_the_target().lun)
                    .data_size(0))
        .expect_silence()
        .split_input_everywhere()
        .lose_transport_at_each_step()
        .run(world_config());
}

TEST(nop_scenario, a_quiet_connection_is_probed) {
    script()
        .log_in()
        .pass(std::chrono::seconds(5))
        .expect(
            a<nop_out>()
                .with("TTT", &nop_out::target_transfer_tag, reserved_tag)
                .with("I", &nop_out::immediate, true),
            "ping"
        )
        .give(nop_in{}, {}, "ping")
        .pass(std::chrono::seconds(4))
        .expect_silence()
        .pass(std::chrono::seconds(2))
        .expect(a<nop_out>(), "ping")
        .split_input_everywhere()
        .lose_transport_at_each_step()
        .run(world_config());
}

TEST(nop_scenario, a_dead_connection_is_closed) {
    script()
        .log_in()
        .pass(std::chrono::seconds(5))
        .expect(a<nop_out>())
        .pass(std::chrono::seconds(6))
        .expect_event<want_close>([](const want_close& wish) {
            EXPECT_EQ(wish.why.code, to_error_code(session_errc::noop_timeout));
        })
        .run(world_config());
}

TEST(logout_scenario, the_target_confirms) {
    script()
        .log_in()
        .act([](session_world& world) { world.engine().logout(world.now()); })
        .expect(a<logout_request>()
                    .with("reason", &logout_request::reason, logout_reason::close_session)
                    .with("I", &logout_request::immediate, true))
        .give(logout_response{})
        .expect_event<logged_out>([](const logged_out& how) { EXPECT_TRUE(how.clean); })
        .split_input_everywhere()
        .lose_transport_at_each_step()
        .run(world_config());
}

TEST(logout_scenario, a_silent_target_does_not_keep_us) {
    script()
        .log_in()
        .act([](session_world& world) { world.engine().logout(world.now()); })
        .expect(a<logout_request>())
        .pass(std::chrono::seconds(20))
        .act([](session_world& world) {
            if (world.take_event<want_close>())
                world.lose_transport();
        })
        .expect_event<logged_out>([](const logged_out& how) { EXPECT_FALSE(how.clean); })
        .run(world_config());
}

TEST(async_scenario, a_logout_request_leads_to_logout_and_a_new_login) {
    async_message please_go;
    please_go.async_event = 1;
    please_go.parameter3 = 10;
    script()
        .log_in()
        .give(please_go)
        .expect(a<logout_request>())
        .give(logout_response{})
        .expect_event<want_close>()
        .act([](session_world& world) { world.lose_transport(); })
        .pass(std::chrono::seconds(5))
        .log_in()
        .lose_transport_at_each_step()
        .run(world_config());
}

TEST(task_management_scenario, an_aborted_read_ends_once) {
    script()
        .log_in()
        .submit("read", [](session_world& world) { return world.read(0, 8); })
        .expect(a<scsi_command>(), "read")
        .act([](session_world& world) {
            world.engine().abort(world.ledger().begin()->second->task, world.now());
        })
        .expect(
            a<task_management_request>()
                .with(
                    "function",
                    &task_management_request::function,
                    task_management_function::abort_task
                )
                .with("I", &task_management_request::immediate, true),
            "abort"
        )
        .give(task_management_response{}, {}, "abort")
        .expect_done(
            "read", [](const work& entry) { EXPECT_EQ(entry.end.outcome, task_result::aborted); }
        )
        .split_input_everywhere()
        .run(world_config());
}

} // namespace
} // namespace iscsi::test
