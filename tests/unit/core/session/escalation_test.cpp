#include "tests/unit/core/session/said.hpp"

#include <gtest/gtest.h>

// The ladder ABORT TASK, LOGICAL UNIT RESET, TARGET WARM RESET, new connection.
namespace iscsi::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t complete = 0; // §11.6.1
constexpr std::uint8_t unsupported = 5;

session_config without_pings() {
    auto config = plain_config();
    config.timeouts.noop_out_interval = 0s;
    return config;
}

lun_field unit(std::uint8_t number) {
    return {std::byte{0}, std::byte{number}};
}

// Two reads of unit 0 and one of unit 1 are out.
struct busy_target : logged_in_peer {
    explicit busy_target(const session_config& config = without_pings()) : logged_in_peer(config) {
        for (const std::uint8_t number : {std::uint8_t{0}, std::uint8_t{0}, std::uint8_t{1}}) {
            auto what = read_command(room, tags.size());
            what.lun = unit(number);
            tags.push_back(submit(what));
        }
        hear();
    }

    task_management_request expect_request(task_management_function function) {
        const auto request = hear_one<task_management_request>();
        EXPECT_EQ(request.function, function);
        EXPECT_TRUE(request.immediate);
        return request;
    }

    result<void> conclude(const task_management_request& request, std::uint8_t response) {
        task_management_response pdu;
        pdu.initiator_task_tag = request.initiator_task_tag;
        pdu.response = response;
        return say(pdu);
    }

    void expect_aborted(std::size_t index) {
        const auto done = expect_event<task_done>();
        EXPECT_EQ(done.task, tags.at(index));
        EXPECT_EQ(done.outcome, task_result::aborted);
    }

    buffer room = buffer(100);
    std::vector<task_id> tags;
};

using function = task_management_function;

TEST(escalation, climbs_when_refused_to_the_end_of_the_connection) {
    busy_target target;
    target.session_under_test.abort(target.tags[0], target.now);
    ASSERT_TRUE(target.conclude(target.expect_request(function::abort_task), unsupported));
    const auto reset = target.expect_request(function::logical_unit_reset);
    EXPECT_EQ(reset.lun, unit(0));
    EXPECT_EQ(reset.referenced_task_tag, reserved_tag);
    ASSERT_TRUE(target.conclude(reset, unsupported));
    const auto warm = target.expect_request(function::target_warm_reset);
    const auto refused = target.conclude(warm, unsupported);
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, code(session_errc::rejected));
    EXPECT_EQ(
        refused.error().text(),
        "TARGET WARM RESET: the target rejected a PDU, got 5 (function not supported), expected "
        "function complete [RFC 7143 11.6.1]"
    );
    const auto& counted = target.session_under_test.statistics();
    EXPECT_EQ(counted.abort_tasks, 1U);
    EXPECT_EQ(counted.unit_resets, 1U);
    EXPECT_EQ(counted.target_resets, 1U);
    EXPECT_EQ(counted.tmfcmd_pdus, 3U);
    target.lose_transport();
    target.expect_aborted(0); // never re-issued
    EXPECT_EQ(target.session_under_test.unfinished_tasks(), 2U);
}

TEST(escalation, climbs_when_not_answered_each_step_with_its_own_timeout) {
    auto config = without_pings();
    config.timeouts.abort = 3s;
    config.timeouts.lu_reset = 5s;
    config.timeouts.target_reset = 7s;
    busy_target target(config);
    target.session_under_test.abort(target.tags[0], target.now);
    target.expect_request(function::abort_task);
    target.pass(2999ms);
    EXPECT_TRUE(target.silent());
    target.pass(1ms);
    target.expect_request(function::logical_unit_reset);
    target.pass(4999ms);
    EXPECT_TRUE(target.silent());
    target.pass(1ms);
    target.expect_request(function::target_warm_reset);
    target.pass(6999ms);
    EXPECT_TRUE(target.no_event());
    target.pass(1ms);
    EXPECT_EQ(
        target.expect_event<want_close>().why.code, code(session_errc::task_management_timeout)
    );
    target.lose_transport();
    target.expect_aborted(0);
}

TEST(escalation, ends_with_the_unit_when_its_reset_helps) {
    busy_target target;
    target.session_under_test.abort(target.tags[0], target.now);
    ASSERT_TRUE(target.conclude(target.expect_request(function::abort_task), unsupported));
    ASSERT_TRUE(target.conclude(target.expect_request(function::logical_unit_reset), complete));
    target.expect_aborted(0);
    target.expect_aborted(1);
    EXPECT_TRUE(target.no_event());
    ASSERT_TRUE(target.say(answer(target.tags[2], 8))) << "the other unit goes on";
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::answered);
}

TEST(escalation, ends_all_tasks_when_the_target_is_reset) {
    busy_target target;
    target.session_under_test.reset_lun(unit(0), target.now);
    ASSERT_TRUE(target.conclude(target.expect_request(function::logical_unit_reset), unsupported));
    ASSERT_TRUE(target.conclude(target.expect_request(function::target_warm_reset), complete));
    for (std::size_t i = 0; i < 3; ++i)
        target.expect_aborted(i);
    EXPECT_TRUE(target.no_event());
    EXPECT_TRUE(target.silent());
}

TEST(escalation, resets_a_unit_once_for_many_aborts) {
    busy_target target;
    target.session_under_test.abort(target.tags[0], target.now);
    target.session_under_test.abort(target.tags[1], target.now);
    EXPECT_EQ(target.hear().size(), 2U);
    target.pass(15s);
    ASSERT_TRUE(target.conclude(target.expect_request(function::logical_unit_reset), complete));
    target.expect_aborted(0);
    target.expect_aborted(1);
    EXPECT_TRUE(target.silent());
}

TEST(escalation, is_not_held_up_by_aborts_that_wait_for_a_place) {
    peer_with_40_aborts target(without_pings(), 0);
    EXPECT_EQ(target.hear().size(), 4U) << "and leaves places to other units";
    target.pass(15s);
    const auto reset = target.hear_one<task_management_request>();
    EXPECT_EQ(reset.function, function::logical_unit_reset);
    EXPECT_TRUE(target.silent()) << "the other aborts are needless";
    task_management_response done;
    done.initiator_task_tag = reset.initiator_task_tag;
    ASSERT_TRUE(target.say(done));
    for (std::size_t i = 0; i < target.tags.size(); ++i)
        EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::aborted);
    EXPECT_TRUE(target.no_event());
}

TEST(escalation, resets_a_unit_again_for_a_task_that_went_out_after_the_reset) {
    busy_target target(without_pings());
    target.session_under_test.reset_lun(unit(0), target.now);
    target.expect_request(function::logical_unit_reset);
    const auto later = target.submit(read_command(target.room, 30));
    target.hear();
    target.session_under_test.abort(later, target.now);
    target.expect_request(function::abort_task);
    target.pass(15s);
    ASSERT_TRUE(target.conclude(target.expect_request(function::logical_unit_reset), complete));
    EXPECT_EQ(target.session_under_test.unfinished_tasks(), 1U) << "of the other unit";
}

TEST(escalation, ends_the_connection_when_too_much_stays_without_an_answer) {
    peer_with_40_aborts target(without_pings(), 1);
    EXPECT_EQ(target.hear().size(), 16U);
    target.pass(15s);
    EXPECT_EQ(
        target.expect_event<want_close>().why.code, code(session_errc::task_management_timeout)
    );
}

TEST(escalation, takes_a_late_response) {
    busy_target target;
    target.session_under_test.abort(target.tags[0], target.now);
    const auto abort = target.expect_request(function::abort_task);
    target.pass(15s);
    const auto reset = target.expect_request(function::logical_unit_reset);
    ASSERT_TRUE(target.conclude(abort, complete));
    target.expect_aborted(0);
    ASSERT_TRUE(target.conclude(reset, complete)); // and ends the other one
    target.expect_aborted(1);
    ASSERT_TRUE(target.conclude(abort, complete).has_error()) << "but only once";
}

TEST(escalation, does_not_climb_for_a_task_that_was_answered_meanwhile) {
    busy_target target;
    target.session_under_test.abort(target.tags[0], target.now);
    const auto abort = target.expect_request(function::abort_task);
    ASSERT_TRUE(target.say(answer(target.tags[0], 8)));
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::answered);
    ASSERT_TRUE(target.conclude(abort, unsupported));
    EXPECT_TRUE(target.silent());
    EXPECT_EQ(target.session_under_test.unfinished_tasks(), 2U);
}

TEST(escalation, silences_all_writes_that_a_target_reset_covers) {
    busy_target target;
    const auto data = pattern(20'000);
    auto what = write_command(data);
    what.lun = unit(1);
    const auto write = target.submit(what);
    target.hear();
    target.session_under_test.reset_lun(unit(0), target.now);
    ASSERT_TRUE(target.conclude(target.expect_request(function::logical_unit_reset), unsupported));
    target.expect_request(function::target_warm_reset);
    ASSERT_TRUE(target.say(ask(write, 0, 8192, 1000)));
    EXPECT_TRUE(target.silent()) << "FastAbort";
}

// Aborts that are never answered, in a unit that resets.
TEST(escalation, goes_on_after_any_number_of_aborts_without_an_answer) {
    busy_target target;
    for (int i = 0; i < 40; ++i) {
        const auto tag = target.submit(read_command(target.room));
        target.hear();
        target.session_under_test.abort(tag, target.now);
        target.expect_request(function::abort_task);
        target.pass(15s);
        ASSERT_TRUE(target.conclude(target.expect_request(function::logical_unit_reset), complete));
        for (std::size_t ended = 0; ended < (i == 0 ? 3U : 1U); ++ended)
            EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::aborted);
    }
    EXPECT_TRUE(target.no_event());
}

// ---- a unit that answers none of them ---------------------------------------------------------

struct half_dead_target : busy_target {
    using busy_target::busy_target;

    // A command of unit 1 is answered.
    void show_life() {
        auto what = read_command(room, 99);
        what.lun = unit(1);
        const auto tag = submit(what);
        EXPECT_EQ(hear_one<scsi_command>().initiator_task_tag, tag);
        ASSERT_TRUE(say(answer(tag, 8)));
        EXPECT_EQ(expect_event<task_done>().cookie, 99U);
    }

    // Up to the first reset of unit 0; its abort.
    task_management_request abort_in_vain() {
        session_under_test.abort(tags[0], now);
        const auto abort = expect_request(function::abort_task);
        show_life();
        pass(15s);
        first_reset = expect_request(function::logical_unit_reset);
        return abort;
    }

    // Up to the moment when unit 0 is lost.
    void lose_unit() {
        abort_in_vain();
        pass(30s);
        second_reset = expect_request(function::logical_unit_reset);
        pass(30s);
        EXPECT_TRUE(silent());
        EXPECT_EQ(expect_event<unit_given_up>().lun, unit(0));
        for (int i = 0; i < 2; ++i) {
            const auto done = expect_event<task_done>();
            EXPECT_EQ(done.outcome, task_result::lost);
            EXPECT_EQ(done.why_lost, loss_reason::unit_given_up);
        }
        EXPECT_TRUE(no_event()) << "the other unit's command is still out";
    }

    task_done end_of_a_read(std::uint8_t number) {
        auto what = read_command(room, 50);
        what.lun = unit(number);
        submit(what);
        return expect_event<task_done>();
    }

    task_management_request first_reset;
    task_management_request second_reset;
};

TEST(escalation, loses_one_unit_and_not_the_connection_while_others_are_answered) {
    half_dead_target target;
    target.lose_unit();
    const auto done = target.end_of_a_read(0);
    EXPECT_EQ(done.outcome, task_result::lost) << "at once";
    EXPECT_EQ(done.why_lost, loss_reason::unit_given_up);
    target.show_life();
    ASSERT_TRUE(target.say(answer(target.tags[0], 8))) << "that it answers late harms nobody";
    EXPECT_TRUE(target.no_event());
    EXPECT_EQ(target.session_under_test.connection(), connection_state::logged_in);
}

TEST(escalation, takes_a_lost_unit_back_when_a_reset_is_answered_after_all) {
    for (const bool first : {true, false}) {
        half_dead_target target;
        target.lose_unit();
        ASSERT_TRUE(target.conclude(first ? target.first_reset : target.second_reset, complete));
        EXPECT_EQ(target.expect_event<unit_is_back>().lun, unit(0));
        const auto tag = target.submit(read_command(target.room));
        EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, tag);
    }
}

TEST(escalation, resets_a_lost_unit_now_and_then) {
    half_dead_target target;
    target.lose_unit();
    for (const auto gap : {30s, 60s, 120s}) {
        target.pass(gap - 1ms);
        EXPECT_TRUE(target.silent());
        target.pass(1ms);
        const auto reset = target.expect_request(function::logical_unit_reset);
        EXPECT_EQ(reset.lun, unit(0));
        if (gap == 60s) {
            ASSERT_TRUE(target.conclude(target.first_reset, complete)) << "given up long ago";
        }
        EXPECT_EQ(target.end_of_a_read(0).outcome, task_result::lost);
        if (gap == 120s) {
            ASSERT_TRUE(target.conclude(reset, complete));
        }
    }
    const auto tag = target.submit(read_command(target.room));
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, tag);
    target.pass(1h);
    EXPECT_TRUE(target.silent());
}

TEST(escalation, resets_a_lost_unit_first_on_the_next_connection) {
    half_dead_target target;
    target.lose_unit();
    target.lose_transport();
    target.pass(2s);
    target.connect();
    target.log_in();
    target.expect_event<logged_in>();
    const auto heard = target.hear();
    ASSERT_EQ(heard.size(), 2U) << "the reset, and the other unit's command";
    const auto reset = std::get<task_management_request>(heard[0].pdu);
    EXPECT_EQ(reset.lun, unit(0));
    EXPECT_EQ(std::get<scsi_command>(heard[1].pdu).lun, unit(1));
    EXPECT_EQ(target.end_of_a_read(0).outcome, task_result::lost);
    ASSERT_TRUE(target.conclude(reset, complete));
    const auto tag = target.submit(read_command(target.room));
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, tag);
}

TEST(escalation, takes_late_responses_to_the_aborts_of_a_lost_unit) {
    half_dead_target target;
    const auto abort = target.abort_in_vain();
    target.pass(60s);
    target.events();
    EXPECT_TRUE(target.conclude(abort, complete));
    EXPECT_TRUE(target.conclude(abort, complete).has_error()) << "but only once";
}

// Answered, though late: it is there, and one new connection may help.
TEST(escalation, ends_the_connection_for_a_unit_that_refuses_its_second_reset) {
    half_dead_target target;
    target.abort_in_vain();
    target.pass(30s);
    const auto refused =
        target.conclude(target.expect_request(function::logical_unit_reset), unsupported);
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().code, code(session_errc::rejected));
    EXPECT_TRUE(target.no_event());
}

// Up to a new connection that unit 0 has cost, then once more.
struct refusing_target : half_dead_target {
    refusing_target() {
        EXPECT_TRUE(refuse(tags[0]).has_error());
        lose_transport();
        pass(2s);
        events();
        session_under_test.transport_up(now);
        log_in();
        events();
        hear();
    }

    result<void> refuse(task_id which) {
        session_under_test.abort(which, now);
        const auto abort = expect_request(function::abort_task);
        show_life();
        EXPECT_TRUE(conclude(abort, unsupported));
        return conclude(expect_request(function::logical_unit_reset), unsupported);
    }

    // Of unit 0: one that is answered, and one more that is out.
    task_id answer_one(bool is_question) {
        auto what = read_command(room, 41);
        what.goes_ahead = is_question;
        const auto tag = submit(what);
        const auto next = submit(read_command(room, 42));
        hear();
        EXPECT_TRUE(say(answer(tag, 8)));
        EXPECT_EQ(expect_event<task_done>().cookie, 41U);
        return next;
    }
};

TEST(escalation, ends_one_connection_for_a_unit_that_refuses_and_no_second_one) {
    refusing_target target;
    const auto again = target.submit(read_command(target.room, 40));
    target.hear();
    ASSERT_TRUE(target.refuse(again));
    target.expect_event<unit_given_up>();
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::lost);
    EXPECT_EQ(target.session_under_test.connection(), connection_state::logged_in);
}

TEST(escalation, gives_a_unit_a_second_connection_when_it_has_answered_more_than_a_question) {
    refusing_target working;
    EXPECT_TRUE(working.refuse(working.answer_one(false)).has_error());
    refusing_target asked;
    EXPECT_FALSE(asked.refuse(asked.answer_one(true)).has_error());
    asked.expect_event<unit_given_up>();
    EXPECT_EQ(asked.expect_event<task_done>().outcome, task_result::lost);
}

// The end of the ladder in the middle of a Data-In PDU: whose memory is being received into?
TEST(escalation, takes_no_memory_from_under_data_that_are_arriving) {
    enum class arriving : std::uint8_t { own, other_unit, of_no_task };
    for (const auto what : {arriving::own, arriving::other_unit, arriving::of_no_task}) {
        half_dead_target target;
        target.abort_in_vain();
        target.pass(30s);
        target.expect_request(function::logical_unit_reset);
        const auto pdu = data_at(target.tags[what == arriving::own ? 1 : 2], 0, 0);
        auto bytes = target.encoded(target.numbered(pdu), pattern(100));
        if (what == arriving::of_no_task) {
            nop_in ping;
            ping.target_transfer_tag = 1;
            bytes = target.encoded(target.numbered(ping), pattern(100));
        }
        bytes.resize(bytes.size() - 20);
        ASSERT_TRUE(target.deliver(bytes));
        target.pass(30s);
        if (what == arriving::own) {
            EXPECT_EQ(
                target.expect_event<want_close>().why.code,
                code(session_errc::task_management_timeout)
            );
            EXPECT_TRUE(target.no_event()) << "not before the transport is gone";
            continue;
        }
        target.expect_event<unit_given_up>();
        for (int i = 0; i < 2; ++i)
            EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::lost);
        EXPECT_EQ(target.session_under_test.connection(), connection_state::logged_in);
    }
}

TEST(escalation, takes_status_with_late_data_of_a_lost_unit_once) {
    half_dead_target target;
    target.lose_unit();
    const auto before = target.room;
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}})
        ASSERT_TRUE(target.say(last_data_at(target.tags[i], 0, 0), pattern(100, 7)));
    EXPECT_EQ(target.room, before);
    EXPECT_TRUE(target.no_event());
    EXPECT_TRUE(target.say(last_data_at(target.tags[0], 0, 0), pattern(100)).has_error());
}

TEST(escalation, takes_no_other_answer_for_one_of_a_lost_unit) {
    half_dead_target target;
    target.abort_in_vain();
    target.pass(60s);
    target.events();
    task_management_response stranger;
    stranger.initiator_task_tag = target.tags[0]; // the tag of a task
    EXPECT_TRUE(target.say(stranger).has_error());
}

// Nobody else is answered, so a wider reset and a new connection cost nobody anything: once.
TEST(escalation, has_a_bound_when_nothing_is_answered_at_all) {
    auto config = without_pings();
    config.replay_barrier = barrier_policy::automatic;
    logged_in_peer target(config);
    const auto data = pattern(100);
    const auto began = target.now;
    auto what = write_command(data, 7);
    what.timeout = 30s;
    target.submit(what);
    target.submit(write_command(data, 8)); // goes out again, and is what the reset is for
    int logins = 1;
    std::vector<task_done> ends;
    while (ends.size() < 2 && target.now - began < 1h) {
        target.pass(1s);
        target.hear();
        for (auto& each : target.events()) {
            if (const auto* done = std::get_if<task_done>(&each))
                ends.push_back(*done);
            if (std::holds_alternative<want_close>(each))
                target.lose_transport();
            if (std::holds_alternative<want_transport>(each)) {
                target.session_under_test.transport_up(target.now);
                target.log_in();
                ++logins;
            }
        }
    }
    EXPECT_LE(logins, 2);
    EXPECT_LE(target.now - began, 30s + 15s + 30s + 30s + 3s + 30s + 30s);
    for (const auto& each : ends)
        EXPECT_NE(each.outcome, task_result::answered);
}

} // namespace
} // namespace iscsi::test
