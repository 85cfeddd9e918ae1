#include "tests/unit/core/session/said.hpp"

#include <gtest/gtest.h>

#include <algorithm>

// Answers at the wrong time, in every phase of a session and of a task: what they may not do.
namespace iscsi::test {
namespace {

using namespace std::chrono_literals;

session_config without_pings() {
    auto config = plain_config();
    config.timeouts.noop_out_interval = 0s;
    return config;
}

async_message message(std::uint8_t event, std::uint16_t seconds = 0) {
    async_message pdu;
    pdu.async_event = event;
    pdu.parameter3 = seconds;
    return pdu;
}

lun_field unit(std::uint8_t number) {
    return {std::byte{0}, std::byte{number}};
}

// ---- login phase ------------------------------------------------------------------------------

// The first Login Request is out; the target has answered it without going on.
struct peer_in_login : peer {
    peer_in_login() : peer(plain_config()) {
        session_under_test.start(now);
        connect();
        answer_again();
    }

    result<void> answer_again() {
        const auto request = hear_one<login_request>();
        login_response pdu;
        pdu.current_stage = request.current_stage;
        pdu.isid = request.isid;
        pdu.initiator_task_tag = request.initiator_task_tag;
        return say(pdu);
    }
};

TEST(login_answers, that_leave_a_number_out_end_the_connection) {
    peer_in_login target;
    ++target.status_sn;
    const auto refused = target.answer_again();
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, code(session_errc::status_sn_gap));
    EXPECT_EQ(target.expect_event<login_failed>().why.code, code(session_errc::status_sn_gap));
}

TEST(login_answers, that_are_repeated_change_nothing) {
    peer_in_login target;
    --target.status_sn;
    ASSERT_TRUE(target.answer_again());
    EXPECT_TRUE(target.silent());
    EXPECT_TRUE(target.no_event());
    EXPECT_EQ(target.session_under_test.connection(), connection_state::in_login);
}

TEST(login_answers, wait_for_no_random_bytes_that_nobody_asked_for) {
    logged_in_peer target;
    target.session_under_test.provide_entropy(pattern(64), target.now);
    EXPECT_TRUE(target.silent());
    EXPECT_TRUE(target.no_event());
    EXPECT_EQ(target.session_under_test.connection(), connection_state::logged_in);
}

// ---- StatSN -----------------------------------------------------------------------------------

TEST(answers, to_text_with_an_old_number_end_the_connection_only_while_it_is_awaited) {
    for (const bool awaited : {false, true}) {
        logged_in_peer target;
        text_response pdu;
        pdu.final = true;
        if (awaited) {
            ASSERT_TRUE(target.session_under_test.send_targets("All", target.now));
            pdu.initiator_task_tag = target.hear_one<text_request>().initiator_task_tag;
        }
        --target.status_sn;
        EXPECT_EQ(target.say(pdu).has_error(), awaited);
        EXPECT_TRUE(target.no_event());
    }
}

TEST(answers, to_a_logout_with_an_old_number_end_the_connection_only_while_it_is_awaited) {
    enum class asked : std::uint8_t { by_nobody, by_us, by_the_target };
    for (const auto by : {asked::by_nobody, asked::by_us, asked::by_the_target}) {
        logged_in_peer target;
        if (by == asked::by_us)
            target.session_under_test.logout(target.now);
        if (by == asked::by_the_target) {
            ASSERT_TRUE(target.say(message(1, 60)));
            target.expect_event<target_message>();
        }
        target.hear();
        --target.status_sn;
        EXPECT_EQ(target.say(logout_response{}).has_error(), by != asked::by_nobody);
        EXPECT_TRUE(target.no_event());
    }
}

// ---- a connection that is about to end --------------------------------------------------------

TEST(answers, behind_a_broken_one_are_not_read) {
    one_read target(4);
    ASSERT_TRUE(target.say(logout_response{}).has_error());
    EXPECT_TRUE(target.say(answer(target.tag, 8))) << "no second fault";
    EXPECT_TRUE(target.no_event()) << "and no end of a task";
    EXPECT_TRUE(target.silent());
    EXPECT_EQ(target.session_under_test.unfinished_tasks(), 1U);
}

TEST(answers, come_in_while_a_logout_is_out) {
    for (const bool by_us : {false, true}) {
        one_read target(4);
        if (by_us) {
            target.session_under_test.logout(target.now);
        } else {
            ASSERT_TRUE(target.say(message(1, 0)));
        }
        target.hear_one<logout_request>();
        EXPECT_EQ(target.session_under_test.state(), session_state::logged_in);
        target.events();
        ASSERT_TRUE(target.say(message(1, 60))) << "a second wish asks for nothing more";
        EXPECT_TRUE(target.silent());
        target.expect_event<target_message>();
        ASSERT_TRUE(target.say(answer(target.tag, 8)));
        EXPECT_EQ(target.expect_event<task_done>().task, target.tag);
    }
}

TEST(answers, to_a_probe_that_come_during_a_logout_end_no_command) {
    auto config = plain_config();
    config.timeouts.noop_out_interval = 600s;
    config.timeouts.logout = 60s;
    logged_in_peer target(config);
    buffer room(4);
    auto what = read_command(room);
    what.timeout = 30s;
    target.submit(what);
    target.hear();
    target.pass(30s);
    nop_in pong;
    pong.initiator_task_tag = target.hear_one<nop_out>().initiator_task_tag;
    target.session_under_test.logout(target.now);
    target.hear_one<logout_request>();
    ASSERT_TRUE(target.say(pong));
    EXPECT_TRUE(target.silent()) << "nothing new is asked for after a Logout (RFC 7143 11.14)";
    EXPECT_TRUE(target.no_event());
}

TEST(logout, of_ours_comes_before_one_that_waits_for_tasks) {
    one_read target(4);
    ASSERT_TRUE(target.say(message(1, 60)));
    target.session_under_test.logout(target.now);
    EXPECT_EQ(target.hear_one<logout_request>().reason, logout_reason::close_session);
    target.events();
    ASSERT_TRUE(target.say(answer(target.tag, 8)));
    EXPECT_TRUE(target.silent()) << "no second Logout";
    target.expect_event<task_done>();
}

// The bytes may come before the clock is looked at.
TEST(logout, that_the_target_asked_for_is_not_put_off_by_what_comes_too_late) {
    one_read target(4);
    ASSERT_TRUE(target.say(message(1, 6)));
    target.now += 3s;
    ASSERT_TRUE(target.say(nop_in{}));
    EXPECT_EQ(target.hear_one<logout_request>().reason, logout_reason::close_connection);
}

// ---- probes -----------------------------------------------------------------------------------

TEST(probe, that_finds_no_place_goes_out_when_there_is_one) {
    auto config = plain_config();
    config.timeouts.noop_out_interval = 600s;
    logged_in_peer target(config);
    buffer room(4);
    auto what = read_command(room);
    what.timeout = 30s;
    target.submit(what);
    target.hear();
    nop_in ping;
    ping.target_transfer_tag = 1;
    for (int i = 0; i < 40; ++i)
        ASSERT_TRUE(target.say(ping));
    target.pass(30s);
    const auto probes_heard = [&target] {
        const auto heard = target.hear();
        return std::count_if(heard.begin(), heard.end(), [](const sent_pdu& each) {
            return std::get<nop_out>(each.pdu).initiator_task_tag != reserved_tag;
        });
    };
    auto probes = probes_heard();
    target.pass(1s);
    probes += probes_heard();
    EXPECT_EQ(probes, 1);
}

// ---- tasks ------------------------------------------------------------------------------------

TEST(status, that_comes_twice_ends_the_connection_however_it_comes) {
    for (const bool polled : {false, true})
        for (const bool with_data : {false, true}) {
            one_read target(4);
            ASSERT_TRUE(target.say(answer(target.tag, 8)));
            if (polled)
                target.expect_event<task_done>();
            const auto refused = with_data ? target.say(last_data_at(target.tag, 0, 0), pattern(4))
                                           : target.say(answer(target.tag, 8));
            ASSERT_TRUE(refused.has_error());
            EXPECT_EQ(refused.error().code, code(session_errc::unknown_task));
            EXPECT_EQ(target.room, buffer(4)) << "its memory has gone back";
        }
}

TEST(status, in_data_must_have_a_residual_that_can_be) {
    one_read target(4);
    auto last = last_data_at(target.tag, 0, 0);
    last.residual_underflow = true;
    last.residual_count = 5;
    const auto refused = target.say(last, pattern(4));
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, code(session_errc::residual_mismatch));
    EXPECT_TRUE(target.no_event());
}

// A target that answers what it cannot have read yet.
TEST(status, before_the_command_has_left_ends_the_task_once) {
    logged_in_peer target;
    buffer room(4);
    auto& session = target.session_under_test;
    const auto tag = target.submit(read_command(room));
    const auto plan = session.write_plan();
    ASSERT_EQ(plan.size(), 1U);
    const auto size = plan[0].size();
    ASSERT_TRUE(target.say(answer(tag, 8)));
    EXPECT_EQ(target.expect_event<task_done>().task, tag);
    session.sent(size, target.now);
    EXPECT_TRUE(target.no_event());
    const auto next = target.submit(read_command(room));
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, next);
}

TEST(status, that_comes_before_the_data_it_asked_for_stops_them) {
    logged_in_peer target;
    const auto data = pattern(20'000);
    const auto tag = target.submit(write_command(data));
    target.hear();
    ASSERT_TRUE(target.say(ask(tag, 0, 8192, 11'808)));
    ASSERT_TRUE(target.say(answer(tag, 2)));
    EXPECT_EQ(target.expect_event<task_done>().status, 2U);
    EXPECT_TRUE(target.silent()) << "no Data-Out of a task that is over";
}

TEST(reject, of_a_command_that_was_answered_ends_the_connection) {
    one_read target(4);
    ASSERT_TRUE(target.say(answer(target.tag, 8)));
    scsi_command command;
    command.initiator_task_tag = target.tag;
    basic_header header;
    encode(initiator_pdu(command), 0, header);
    reject pdu;
    pdu.reason = 9;
    EXPECT_TRUE(target.say(pdu, buffer(header.begin(), header.end())).has_error());
    EXPECT_EQ(target.expect_event<task_done>().status, 8U) << "the answer stands";
}

// ---- R2T --------------------------------------------------------------------------------------

// Immediate and unsolicited data of a write go out first.
TEST(r2t_answers, may_come_while_unsolicited_data_are_on_their_way) {
    auto config = without_pings();
    config.offer.initial_r2t = false;
    logged_in_peer target(config, {{"InitialR2T", "No"}});
    target.send_limit = 100; // of more than 64 KiB
    const auto data = pattern(100'000);
    auto& session = target.session_under_test;
    const auto tag = target.submit(write_command(data));
    session.sent(std::min<std::size_t>(session.write_plan()[0].size(), 100), target.now);
    ASSERT_TRUE(target.say(ask(tag, 0, 65'536, 34'464)));
    const auto refused = target.say(ask(tag, 1, 65'536, 34'464));
    ASSERT_TRUE(refused.has_error()) << "one outstanding R2T was agreed upon";
    EXPECT_EQ(refused.error().code, code(session_errc::too_many_r2ts));
}

TEST(r2t_answers, asks_for_each_byte_once_in_any_order) {
    auto config = without_pings();
    config.offer.data_sequence_in_order = false;
    logged_in_peer target(config, {{"DataSequenceInOrder", "No"}, {"ImmediateData", "No"}});
    const auto data = pattern(20'000);
    const auto tag = target.submit(write_command(data));
    target.hear();
    ASSERT_TRUE(target.say(ask(tag, 0, 10'000, 10'000)));
    EXPECT_EQ(target.hear_one<data_out>().buffer_offset, 10'000U);
    target.hear();
    const auto refused = target.say(ask(tag, 1, 9'000, 2'000));
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, code(session_errc::data_out_of_order));
}

// ---- task management --------------------------------------------------------------------------

struct aborting_peer : logged_in_peer {
    aborting_peer() : logged_in_peer(without_pings()) {}

    task_id read(std::uint8_t number) {
        auto what = read_command(room);
        what.lun = unit(number);
        return submit(what);
    }

    result<void> conclude(std::uint32_t tag, std::uint8_t response) {
        task_management_response pdu;
        pdu.initiator_task_tag = tag;
        pdu.response = response;
        return say(pdu);
    }

    buffer room = buffer(100);
};

constexpr std::uint8_t complete = 0; // §11.6.1
constexpr std::uint8_t no_such_task = 1;
constexpr std::uint8_t unsupported = 5;

TEST(abort, of_a_task_that_the_target_never_knew_ends_it) {
    aborting_peer target;
    const auto tag = target.read(0);
    target.hear();
    target.session_under_test.abort(tag, target.now);
    const auto request = target.hear_one<task_management_request>();
    ASSERT_TRUE(target.conclude(request.initiator_task_tag, no_such_task));
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::aborted);
}

TEST(abort, whose_answer_comes_behind_the_end_of_the_task_changes_nothing) {
    for (const auto response : {complete, no_such_task, unsupported}) {
        aborting_peer target;
        const auto tag = target.read(0);
        target.hear();
        target.session_under_test.abort(tag, target.now);
        const auto request = target.hear_one<task_management_request>();
        ASSERT_TRUE(target.say(answer(tag, 8)));
        EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::answered);
        ASSERT_TRUE(target.conclude(request.initiator_task_tag, response));
        EXPECT_TRUE(target.no_event());
        EXPECT_TRUE(target.silent());
    }
}

TEST(abort, that_waits_for_a_place_is_not_sent_for_a_task_that_ends_meanwhile) {
    peer_with_40_aborts target(without_pings(), 0);
    const auto first = target.hear();
    ASSERT_EQ(first.size(), 4U);
    ASSERT_TRUE(target.say(answer(target.tags[4], 8)));
    target.expect_event<task_done>();
    ASSERT_TRUE(target.say(answer(target.tags[5], 8))); // its end is not polled
    for (const auto& each : first) {
        task_management_response done;
        done.initiator_task_tag = std::get<task_management_request>(each.pdu).initiator_task_tag;
        ASSERT_TRUE(target.say(done));
    }
    std::size_t at = 6;
    for (const auto& each : target.hear())
        EXPECT_EQ(
            std::get<task_management_request>(each.pdu).referenced_task_tag, target.tags[at++]
        );
    EXPECT_EQ(at, 10U);
}

TEST(abort, during_the_end_of_a_connection_ends_the_task_with_it) {
    for (const bool leaving : {false, true}) {
        aborting_peer target;
        const auto tag = target.read(0);
        target.hear();
        if (leaving) {
            target.session_under_test.logout(target.now);
        } else {
            ASSERT_TRUE(target.say(message(1, 0)));
            target.pass(0s);
        }
        target.hear_one<logout_request>();
        target.events();
        target.session_under_test.abort(tag, target.now);
        EXPECT_TRUE(target.silent()) << "nothing new is asked for after a Logout";
        target.lose_transport();
        const auto done = target.expect_event<task_done>();
        EXPECT_EQ(done.task, tag);
        EXPECT_EQ(done.outcome, task_result::aborted) << "never re-issued";
    }
}

// One unit's reset is no reason to forget what is wanted of another one.
TEST(abort, that_waits_outlives_the_reset_of_another_unit) {
    aborting_peer target;
    std::vector<task_id> tags;
    for (std::uint8_t i = 0; i < 12; ++i)
        tags.push_back(target.read(i % 2));
    target.hear();
    for (const auto tag : tags)
        target.session_under_test.abort(tag, target.now);
    const auto aborts = target.hear();
    ASSERT_EQ(aborts.size(), 8U) << "four of each unit";
    const auto of_first = std::get<task_management_request>(aborts[0].pdu);
    ASSERT_TRUE(target.conclude(of_first.initiator_task_tag, unsupported));
    const auto reset = target.hear_one<task_management_request>();
    EXPECT_EQ(reset.function, task_management_function::logical_unit_reset);
    EXPECT_EQ(reset.lun, of_first.lun);
    EXPECT_TRUE(target.silent());
    ASSERT_TRUE(target.conclude(reset.initiator_task_tag, complete));
    for (const auto& each : aborts) { // late or not, each is answered
        const auto& pdu = std::get<task_management_request>(each.pdu);
        if (pdu.initiator_task_tag == of_first.initiator_task_tag)
            continue;
        ASSERT_TRUE(target.conclude(pdu.initiator_task_tag, complete));
    }
    for (const auto& each : target.hear()) {
        const auto& pdu = std::get<task_management_request>(each.pdu);
        EXPECT_NE(pdu.lun, of_first.lun);
        ASSERT_TRUE(target.conclude(pdu.initiator_task_tag, complete));
    }
    EXPECT_EQ(target.session_under_test.unfinished_tasks(), 0U);
}

TEST(abort, of_a_task_that_a_reset_ends_first_is_still_answered) {
    aborting_peer target;
    const auto tag = target.read(0);
    target.hear();
    target.session_under_test.abort(tag, target.now);
    const auto abort = target.hear_one<task_management_request>();
    target.session_under_test.reset_lun(unit(0), target.now);
    const auto reset = target.hear_one<task_management_request>();
    ASSERT_TRUE(target.conclude(reset.initiator_task_tag, complete));
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::aborted);
    ASSERT_TRUE(target.conclude(abort.initiator_task_tag, no_such_task));
    EXPECT_TRUE(target.no_event());
}

} // namespace
} // namespace iscsi::test
