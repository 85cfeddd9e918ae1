#include "tests/unit/core/session/said.hpp"

#include <gtest/gtest.h>

namespace iscsi::test {
namespace {

using namespace std::chrono_literals;

// ---- NOP --------------------------------------------------------------------------------------

TEST(nop, answers_a_ping_with_its_tag_and_lun) {
    logged_in_peer target;
    nop_in ping;
    ping.lun = {std::byte{0}, std::byte{5}};
    ping.target_transfer_tag = 0xabcd;
    ASSERT_TRUE(target.say(ping, pattern(30)));
    buffer data;
    const auto pong = target.hear_one<nop_out>(&data);
    EXPECT_TRUE(pong.immediate);
    EXPECT_EQ(pong.initiator_task_tag, reserved_tag);
    EXPECT_EQ(pong.target_transfer_tag, 0xabcdU);
    EXPECT_EQ(pong.lun, ping.lun);
    EXPECT_TRUE(data.empty());
    EXPECT_TRUE(target.say(answer(target.submit(write_command({})), 0)).has_error())
        << "a ping must not have advanced StatSN, nor is an unsent task known";
}

TEST(nop, refuses_the_answer_to_a_ping_that_was_not_sent) {
    logged_in_peer target;
    nop_in pong;
    pong.initiator_task_tag = 0x7ffe;
    EXPECT_EQ(target.say(pong).error().code, code(session_errc::unknown_task));
}

TEST(nop, does_not_queue_a_flood_of_pings) {
    logged_in_peer target;
    nop_in ping;
    ping.target_transfer_tag = 1;
    ASSERT_FALSE(target.session_under_test.next_deadline() == std::nullopt);
    for (int i = 0; i < 1000; ++i)
        ASSERT_TRUE(target.say(ping));
    EXPECT_EQ(target.hear().size(), 32U);
    ASSERT_TRUE(target.say(ping));
    EXPECT_EQ(target.hear().size(), 1U);
}

TEST(nop, asks_a_silent_target_and_closes_when_it_stays_silent) {
    logged_in_peer target;
    target.pass(4999ms);
    EXPECT_TRUE(target.silent());
    target.pass(1ms);
    const auto ping = target.hear_one<nop_out>();
    EXPECT_TRUE(ping.immediate);
    EXPECT_NE(ping.initiator_task_tag, reserved_tag);
    EXPECT_EQ(ping.target_transfer_tag, reserved_tag);
    nop_in pong;
    pong.initiator_task_tag = ping.initiator_task_tag;
    target.pass(3s);
    ASSERT_TRUE(target.say(pong));
    target.pass(5s);
    target.hear_one<nop_out>();
    target.pass(4999ms);
    EXPECT_TRUE(target.no_event());
    target.pass(1ms);
    EXPECT_EQ(target.expect_event<want_close>().why.code, code(session_errc::noop_timeout));
    EXPECT_EQ(target.session_under_test.connection(), connection_state::cleanup_wait);
    target.lose_transport();
    target.pass(2s);
    target.expect_event<want_transport>();
}

TEST(nop, takes_one_byte_as_a_sign_of_life) {
    logged_in_peer target;
    target.pass(5s);
    target.hear_one<nop_out>();
    target.pass(4s);
    ASSERT_TRUE(target.deliver(buffer(1, std::byte{0x20})));
    target.pass(4s);
    EXPECT_TRUE(target.no_event());
}

// ---- task management --------------------------------------------------------------------------

struct with_tasks : logged_in_peer {
    explicit with_tasks(const session_config& config = plain_config()) : logged_in_peer(config) {
        for (std::uint64_t i = 0; i < 3; ++i)
            tags.push_back(submit(read_command(room, i)));
        hear();
    }

    result<void> conclude(const task_management_request& request, std::uint8_t response) {
        task_management_response pdu;
        pdu.initiator_task_tag = request.initiator_task_tag;
        pdu.response = response;
        return say(pdu);
    }

    buffer room = buffer(100);
    std::vector<task_id> tags;
};

TEST(task_management, aborts_a_task) {
    with_tasks target;
    target.session_under_test.abort(target.tags[1], target.now);
    target.session_under_test.abort(target.tags[1], target.now); // twice is once
    const auto request = target.hear_one<task_management_request>();
    EXPECT_TRUE(target.silent());
    EXPECT_EQ(request.function, task_management_function::abort_task);
    EXPECT_TRUE(request.immediate);
    EXPECT_EQ(request.referenced_task_tag, target.tags[1]);
    EXPECT_EQ(request.reference_command_sn, 1U);
    EXPECT_EQ(request.command_sn, 3U);
    ASSERT_TRUE(target.say(data_at(target.tags[1], 0, 0), pattern(50))); // still its buffer
    EXPECT_TRUE(target.no_event());
    ASSERT_TRUE(target.conclude(request, 0));
    const auto done = target.expect_event<task_done>();
    EXPECT_EQ(done.task, target.tags[1]);
    EXPECT_EQ(done.outcome, task_result::aborted);
    const auto before = target.room;
    ASSERT_TRUE(target.say(data_at(target.tags[1], 1, 50), pattern(50, 77))); // too late
    EXPECT_EQ(target.room, before);
    EXPECT_EQ(target.session_under_test.unfinished_tasks(), 2U);
}

TEST(task_management, lets_an_answer_win_over_its_abort) {
    with_tasks target;
    target.session_under_test.abort(target.tags[0], target.now);
    const auto request = target.hear_one<task_management_request>();
    ASSERT_TRUE(target.say(answer(target.tags[0], 2)));
    ASSERT_TRUE(target.conclude(request, 1)); // the task does not exist any more
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::answered);
    EXPECT_TRUE(target.no_event());
}

TEST(task_management, believes_that_a_task_is_gone_only_when_it_had_arrived) {
    with_tasks target;
    target.session_under_test.abort(target.tags[2], target.now);
    const auto request = target.hear_one<task_management_request>();
    target.expected_command_sn = 2; // the third command never came
    const auto refused = target.conclude(request, 1);
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, code(session_errc::rejected));
}

TEST(task_management, aborts_what_was_never_sent_without_asking) {
    peer target(plain_config());
    target.session_under_test.start(target.now);
    buffer room(4);
    const auto tag = target.session_under_test.submit(read_command(room), target.now).value();
    target.session_under_test.abort(tag, target.now);
    target.expect_event<want_transport>();
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::aborted);
}

TEST(task_management, resets_a_logical_unit) {
    with_tasks target;
    auto elsewhere = read_command(target.room, 9);
    elsewhere.lun[1] = std::byte{1};
    const auto other = target.submit(elsewhere);
    target.hear();
    target.session_under_test.reset_lun({}, target.now);
    const auto request = target.hear_one<task_management_request>();
    EXPECT_EQ(request.function, task_management_function::logical_unit_reset);
    EXPECT_EQ(request.referenced_task_tag, reserved_tag);
    const auto later = target.submit(read_command(target.room, 10));
    target.hear();
    ASSERT_TRUE(target.conclude(request, 0));
    for (const auto tag : target.tags) {
        const auto done = target.expect_event<task_done>();
        EXPECT_EQ(done.task, tag);
        EXPECT_EQ(done.outcome, task_result::aborted);
    }
    EXPECT_TRUE(target.no_event());
    ASSERT_TRUE(target.say(answer(other, 8)));
    ASSERT_TRUE(target.say(answer(later, 8)));
}

TEST(task_management, sends_a_few_aborts_at_a_time) {
    peer_with_40_aborts target(plain_config(), 0);
    std::size_t concluded = 0;
    for (auto heard = target.hear(); !heard.empty(); heard = target.hear()) {
        EXPECT_LE(heard.size(), 16U);
        for (const auto& each : heard) {
            task_management_response pdu;
            pdu.initiator_task_tag = std::get<task_management_request>(each.pdu).initiator_task_tag;
            ASSERT_TRUE(target.say(pdu));
            ++concluded;
        }
    }
    EXPECT_EQ(concluded, 40U);
    EXPECT_EQ(target.session_under_test.unfinished_tasks(), 0U);
}

TEST(task_management, stops_data_of_an_aborted_write_only_with_fast_abort) {
    for (const bool fast : {true, false}) {
        auto config = plain_config();
        config.fast_abort = fast;
        logged_in_peer target(config);
        const auto data = pattern(20'000);
        const auto tag = target.submit(write_command(data));
        target.hear();
        target.session_under_test.abort(tag, target.now);
        target.hear();
        ASSERT_TRUE(target.say(ask(tag, 0, 8192, 1000)));
        EXPECT_EQ(target.silent(), fast);
    }
}

// ---- asynchronous messages and Reject ---------------------------------------------------------

async_message message(std::uint8_t event, std::uint16_t time2wait = 0) {
    async_message pdu;
    pdu.async_event = event;
    pdu.parameter2 = time2wait;
    return pdu;
}

TEST(async_message, is_passed_on) {
    logged_in_peer target;
    ASSERT_TRUE(target.say(message(0), pattern(20)));
    ASSERT_TRUE(target.say(message(255), pattern(3)));
    const auto first = target.expect_event<target_message>();
    EXPECT_EQ(first.message.async_event, 0U);
    EXPECT_EQ(target.expect_event<target_message>().data.size(), 3U);
    EXPECT_EQ(target.session_under_test.connection(), connection_state::logged_in);
}

TEST(async_message, makes_the_session_log_out_and_come_back) {
    logged_in_peer target;
    buffer room(100);
    const auto tag = target.submit(read_command(room));
    target.hear();
    ASSERT_TRUE(target.say(message(1)));
    target.expect_event<target_message>();
    const auto request = target.hear_one<logout_request>();
    EXPECT_EQ(request.reason, logout_reason::close_connection);
    EXPECT_EQ(target.session_under_test.connection(), connection_state::logout_requested);
    target.submit(read_command(room));
    EXPECT_TRUE(target.silent()) << "nothing new behind a Logout";
    logout_response response;
    response.initiator_task_tag = request.initiator_task_tag;
    response.time2wait = 7;
    ASSERT_TRUE(target.say(response));
    target.expect_event<want_close>();
    target.lose_transport();
    target.pass(6999ms);
    EXPECT_TRUE(target.no_event());
    target.pass(1ms);
    target.connect();
    target.log_in();
    target.expect_event<logged_in>();
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, tag);
}

TEST(async_message, may_drop_the_connection_for_a_while) {
    for (const std::uint8_t drops : {std::uint8_t{2}, std::uint8_t{3}}) {
        logged_in_peer target;
        ASSERT_TRUE(target.say(message(drops, 9)));
        target.expect_event<target_message>();
        EXPECT_EQ(target.expect_event<want_close>().why.code, code(session_errc::target_closed));
        target.lose_transport();
        target.pass(8999ms);
        EXPECT_TRUE(target.no_event());
        target.pass(1ms);
        target.expect_event<want_transport>();
    }
}

buffer header_bytes(const initiator_pdu& pdu) {
    basic_header header;
    encode(pdu, 0, header);
    return {header.begin(), header.end()};
}

TEST(reject, ends_the_command_that_was_turned_down) {
    logged_in_peer target;
    buffer room(4);
    target.submit(read_command(room));
    const auto command = target.hear_one<scsi_command>();
    reject pdu;
    pdu.reason = 9;
    ASSERT_TRUE(target.say(pdu, header_bytes(command)));
    const auto done = target.expect_event<task_done>();
    EXPECT_EQ(done.outcome, task_result::answered);
    EXPECT_EQ(done.response, 1U);
}

TEST(reject, ends_the_connection_otherwise) {
    logged_in_peer target;
    buffer room(4);
    target.submit(read_command(room));
    const auto command = target.hear_one<scsi_command>();
    reject pdu;
    pdu.reason = 2; // damaged on its way: once more
    const auto refused = target.say(pdu, header_bytes(command));
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, code(session_errc::rejected_for_now));

    logged_in_peer other;
    pdu.reason = 4;
    EXPECT_TRUE(other.say(pdu, header_bytes(data_out{})).has_error());
}

TEST(reject, of_a_ping_does_not_matter) {
    logged_in_peer target;
    reject pdu;
    pdu.reason = 6;
    EXPECT_TRUE(target.say(pdu, header_bytes(nop_out{})));
}

// ---- logout -----------------------------------------------------------------------------------

TEST(logout, ends_unfinished_tasks_and_takes_no_new_ones) {
    logged_in_peer target;
    buffer room(4);
    target.submit(read_command(room));
    target.hear();
    target.session_under_test.logout(target.now);
    target.session_under_test.logout(target.now);
    const auto refused = target.session_under_test.submit(read_command(room), target.now);
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, code(session_errc::not_usable));
    logout_response response;
    response.initiator_task_tag = target.hear_one<logout_request>().initiator_task_tag;
    ASSERT_TRUE(target.say(response));
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::lost);
    EXPECT_TRUE(target.expect_event<logged_out>().clean);
    EXPECT_TRUE(target.no_event());
    EXPECT_FALSE(target.session_under_test.next_deadline());
}

TEST(logout, waits_for_memory_that_a_send_still_reads) {
    logged_in_peer target;
    const auto data = pattern(100);
    target.session_under_test.logout(target.now);
    const auto tag = target.hear_one<logout_request>().initiator_task_tag;
    logged_in_peer other;
    other.submit(write_command(data));
    ASSERT_FALSE(other.session_under_test.write_plan().empty());
    other.session_under_test.logout(other.now);
    logout_response response;
    response.initiator_task_tag = tag;
    ASSERT_TRUE(other.say(response));
    EXPECT_TRUE(other.no_event());
    other.session_under_test.sent(10, other.now);
    EXPECT_EQ(other.expect_event<task_done>().outcome, task_result::lost);
    other.expect_event<logged_out>();
    EXPECT_TRUE(other.no_event());
}

TEST(logout, does_not_wait_for_ever) {
    auto config = plain_config();
    config.timeouts.noop_out_interval = 0s;
    logged_in_peer target(config);
    target.session_under_test.logout(target.now);
    target.pass(15s);
    EXPECT_EQ(target.expect_event<want_close>().why.code, code(session_errc::logout_timeout));
    target.lose_transport();
    EXPECT_FALSE(target.expect_event<logged_out>().clean);
    EXPECT_TRUE(target.no_event());
}

TEST(logout, is_the_last_thing_that_is_asked_for) {
    logged_in_peer target;
    buffer room(4);
    const auto stuck = target.submit(read_command(room));
    target.hear();
    target.session_under_test.abort(stuck, target.now);
    target.hear_one<task_management_request>();
    target.session_under_test.logout(target.now);
    target.hear_one<logout_request>();
    target.pass(14999ms);
    EXPECT_TRUE(target.silent()) << "neither a ping nor a wider reset";
    target.pass(1ms);
    EXPECT_EQ(target.expect_event<want_close>().why.code, code(session_errc::logout_timeout));
}

TEST(logout, ends_a_session_that_has_no_connection) {
    peer fresh(plain_config());
    fresh.session_under_test.logout(fresh.now);
    EXPECT_FALSE(fresh.expect_event<logged_out>().clean);

    peer connecting(plain_config());
    connecting.session_under_test.start(connecting.now);
    connecting.expect_event<want_transport>();
    connecting.session_under_test.logout(connecting.now);
    connecting.expect_event<logged_out>();
    connecting.session_under_test.transport_up(connecting.now);
    EXPECT_TRUE(connecting.silent());

    logged_in_peer lost;
    buffer room(4);
    lost.submit(read_command(room));
    lost.hear();
    lost.lose_transport();
    lost.session_under_test.logout(lost.now);
    EXPECT_EQ(lost.expect_event<task_done>().outcome, task_result::lost);
    lost.expect_event<logged_out>();
    EXPECT_TRUE(lost.no_event());
}

TEST(logout, ends_a_login) {
    peer target(plain_config());
    target.session_under_test.start(target.now);
    target.connect();
    target.session_under_test.logout(target.now);
    target.expect_event<want_close>();
    target.lose_transport();
    target.expect_event<logged_out>();
    EXPECT_TRUE(target.no_event());
}

// ---- discovery --------------------------------------------------------------------------------

struct discovery_peer : logged_in_peer {
    discovery_peer() : logged_in_peer(discovery_config()) {}

    static session_config discovery_config() {
        auto config = plain_config();
        config.type = session_type::discovery;
        config.target_name.clear();
        return config;
    }

    result<void> tell(const text_request& request, const std::string& text, bool final = true) {
        text_response pdu;
        pdu.initiator_task_tag = request.initiator_task_tag;
        pdu.final = final;
        pdu.continues = !final;
        pdu.target_transfer_tag = final ? reserved_tag : 0x55;
        buffer data;
        for (const char c : text)
            data.push_back(static_cast<std::byte>(c));
        return say(pdu, data);
    }
};

TEST(discovery, asks_for_targets_and_gathers_the_pieces) {
    using namespace std::string_literals;
    discovery_peer target;
    ASSERT_TRUE(target.session_under_test.send_targets("All", target.now));
    EXPECT_TRUE(target.session_under_test.send_targets("All", target.now).has_error());
    buffer asked;
    auto request = target.hear_one<text_request>(&asked);
    EXPECT_EQ(asked.size(), "SendTargets=All"s.size() + 1);
    EXPECT_TRUE(request.final);
    EXPECT_TRUE(request.immediate);
    ASSERT_TRUE(target.tell(request, "TargetName=iqn.2026-01.org.exam", false));
    const auto more = target.hear_one<text_request>(&asked);
    EXPECT_TRUE(asked.empty());
    EXPECT_EQ(more.target_transfer_tag, 0x55U);
    EXPECT_EQ(more.initiator_task_tag, request.initiator_task_tag);
    ASSERT_TRUE(target.tell(request, "ple:a\0TargetAddress=10.0.0.1:3260,1\0"s));
    const auto found = target.expect_event<targets_found>();
    ASSERT_EQ(found.targets.size(), 1U);
    EXPECT_EQ(found.targets[0].name, "iqn.2026-01.org.example:a");
    ASSERT_EQ(found.targets[0].portals.size(), 1U);
    EXPECT_TRUE(target.session_under_test.send_targets("All", target.now));
}

TEST(discovery, bounds_what_a_target_can_tell) {
    discovery_peer target;
    ASSERT_TRUE(target.session_under_test.send_targets("All", target.now));
    const auto request = target.hear_one<text_request>();
    const std::string text(100'000, 'x');
    result<void> told;
    std::size_t rounds = 0;
    for (; told && rounds < 1000; ++rounds) {
        told = target.tell(request, text, false);
        target.hear();
    }
    ASSERT_TRUE(told.has_error());
    EXPECT_EQ(told.error().code, code(session_errc::text_too_long));
    EXPECT_EQ(rounds, 168U); // 16 MiB
}

TEST(discovery, bounds_how_often_a_target_can_say_nothing) {
    discovery_peer target;
    ASSERT_TRUE(target.session_under_test.send_targets("All", target.now));
    const auto request = target.hear_one<text_request>();
    result<void> told;
    std::size_t rounds = 0;
    for (; told && rounds < 10'000; ++rounds) {
        told = target.tell(request, "", false);
        target.hear();
    }
    ASSERT_TRUE(told.has_error());
    EXPECT_EQ(told.error().code, code(session_errc::text_too_long));
    EXPECT_EQ(rounds, 4097U);
}

TEST(discovery, fails_with_what_came_in_place_of_the_answer) {
    discovery_peer target;
    ASSERT_TRUE(target.session_under_test.send_targets("All", target.now));
    const auto request = target.hear_one<text_request>();
    reject pdu;
    pdu.reason = 4;
    const auto refused = target.say(pdu, header_bytes(request));
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(
        refused.error().text(),
        "Reject reason: the target rejected a PDU, got 0x04 (protocol error), expected none "
        "[RFC 7143 11.17]"
    );
    target.session_under_test.transport_lost(refused.error(), target.now);
    EXPECT_EQ(target.expect_event<discovery_failed>().why, refused.error());
}

TEST(discovery, fails_only_while_an_answer_is_awaited) {
    using namespace std::string_literals;
    discovery_peer target;
    ASSERT_TRUE(target.session_under_test.send_targets("All", target.now));
    ASSERT_TRUE(target.tell(target.hear_one<text_request>(), "TargetName=iqn.2026-01.a:b\0"s));
    target.expect_event<targets_found>();
    target.lose_transport();
    for (const auto& each : target.events())
        EXPECT_FALSE(std::holds_alternative<discovery_failed>(each));
}

TEST(discovery, tells_which_rejects_pass) {
    for (const int reason : {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 255}) {
        discovery_peer target;
        ASSERT_TRUE(target.session_under_test.send_targets("All", target.now));
        reject pdu;
        pdu.reason = static_cast<std::uint8_t>(reason);
        const auto refused = target.say(pdu, header_bytes(target.hear_one<text_request>()));
        const bool passes =
            reason == 2 || reason == 3 || reason == 6 || reason == 10 || reason == 12;
        EXPECT_EQ(
            refused.error().code,
            code(passes ? session_errc::rejected_for_now : session_errc::rejected)
        ) << reason;
    }
}

TEST(discovery, takes_no_commands) {
    discovery_peer target;
    EXPECT_TRUE(target.session_under_test.submit(read_command({}), target.now).has_error());
}

TEST(discovery, refuses_an_answer_that_nobody_asked_for) {
    discovery_peer target;
    EXPECT_TRUE(target.tell({}, "x=y").has_error());
}

} // namespace
} // namespace iscsi::test
