#include "tests/unit/core/session/said.hpp"

#include <gtest/gtest.h>

// The time of a command: when it runs, what prolongs it, and what is done when it is over.
namespace iscsi::test {
namespace {

using namespace std::chrono_literals;

lun_field unit_number(unsigned number) {
    lun_field lun{};
    lun[1] = static_cast<std::byte>(number);
    return lun;
}

session_config with_pings(duration interval = 600s) {
    auto config = plain_config();
    config.timeouts.noop_out_interval = interval; // too long to come of its own
    return config;
}

struct timed_peer : logged_in_peer {
    explicit timed_peer(const session_config& config = with_pings()) : logged_in_peer(config) {}

    task_id read(unsigned lun = 0, duration timeout = 30s) {
        auto what = read_command(room);
        what.lun = unit_number(lun);
        what.timeout = timeout;
        return submit(what);
    }

    task_id write(unsigned lun = 0, duration timeout = 30s) {
        auto what = write_command(data);
        what.lun = unit_number(lun);
        what.timeout = timeout;
        return submit(what);
    }

    void answer_probe() {
        const auto probe = hear_one<nop_out>();
        nop_in pdu;
        pdu.initiator_task_tag = probe.initiator_task_tag;
        ASSERT_TRUE(say(pdu));
    }

    void expect_abort_of(task_id which) {
        const auto request = hear_one<task_management_request>();
        EXPECT_EQ(request.function, task_management_function::abort_task);
        EXPECT_EQ(request.referenced_task_tag, which);
    }

    buffer room = buffer(8192);
    const buffer data = pattern(100'000);
};

TEST(timeout, asks_whether_the_link_lives_and_aborts_then) {
    timed_peer target;
    const auto late = target.read();
    target.hear();
    target.pass(29'999ms);
    EXPECT_TRUE(target.silent());
    target.pass(1ms);
    target.answer_probe();
    target.expect_abort_of(late);
    task_management_response complete;
    complete.initiator_task_tag = 0;
    EXPECT_TRUE(target.no_event());
}

TEST(timeout, is_told_with_the_end_of_the_command) {
    timed_peer target(with_pings(0s));
    const auto late = target.read();
    target.hear();
    target.pass(30s);
    const auto request = target.hear_one<task_management_request>();
    EXPECT_EQ(request.referenced_task_tag, late);
    task_management_response complete;
    complete.initiator_task_tag = request.initiator_task_tag;
    ASSERT_TRUE(target.say(complete));
    const auto done = target.expect_event<task_done>();
    EXPECT_EQ(done.outcome, task_result::aborted);
    EXPECT_TRUE(done.timed_out);
}

TEST(timeout, is_not_told_of_commands_that_others_abort_or_that_are_answered_after_all) {
    timed_peer target(with_pings(0s));
    const auto unwanted = target.read();
    target.hear();
    target.session_under_test.abort(unwanted, target.now);
    task_management_response complete;
    complete.initiator_task_tag = target.hear_one<task_management_request>().initiator_task_tag;
    ASSERT_TRUE(target.say(complete));
    EXPECT_FALSE(target.expect_event<task_done>().timed_out);

    const auto late = target.read();
    target.hear();
    target.pass(30s);
    target.expect_abort_of(late);
    ASSERT_TRUE(target.say(answer(late, 8)));
    const auto done = target.expect_event<task_done>();
    EXPECT_EQ(done.outcome, task_result::answered);
    EXPECT_FALSE(done.timed_out);
}

TEST(timeout, does_not_run_for_commands_without_one) {
    timed_peer target;
    target.read(0, 0s);
    target.hear();
    target.pass(599s);
    EXPECT_TRUE(target.silent());
}

// One that takes a command at a time.
struct narrow_peer : peer {
    narrow_peer() : peer(with_pings(0s)) {
        window = 1;
        start_session();
        expect_event<logged_in>();
    }

    task_id read(unsigned lun) {
        auto what = read_command(room);
        what.lun = unit_number(lun);
        what.timeout = 30s;
        return session_under_test.submit(what, now).value();
    }

    buffer room = buffer(100);
};

TEST(timeout, does_not_run_behind_a_closed_window) {
    narrow_peer target;
    const auto first = target.read(1);
    const auto second = target.read(2);
    const auto third = target.read(2);
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, first);
    target.pass(29s);
    EXPECT_TRUE(target.silent());
    ASSERT_TRUE(target.say(answer(first, 8)));
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, second);
    target.pass(29'999ms);
    EXPECT_TRUE(target.silent());
    ASSERT_TRUE(target.say(answer(second, 8)));
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, third);
    target.pass(29'999ms);
    EXPECT_TRUE(target.silent());
    target.pass(1ms);
    EXPECT_EQ(target.hear_one<task_management_request>().referenced_task_tag, third);
}

TEST(timeout, begins_when_the_command_has_left) {
    timed_peer target(with_pings(0s));
    const auto late = target.read();
    auto& tested = target.session_under_test;
    ASSERT_FALSE(tested.write_plan().empty());
    target.now += 100s;
    tested.sent(47, target.now);
    tested.handle_deadline(target.now += 100s);
    tested.write_plan();
    tested.sent(1, target.now);
    target.pass(29'999ms);
    EXPECT_TRUE(target.silent());
    target.pass(1ms);
    ASSERT_FALSE(target.silent());
    EXPECT_EQ(tested.unfinished_tasks(), 1U);
    EXPECT_NE(late, 0U);
}

TEST(timeout, is_prolonged_by_data_that_move) {
    timed_peer target(with_pings(0s));
    const auto slow = target.read();
    target.hear();
    for (std::uint32_t i = 0; i < 8; ++i) {
        target.pass(29s);
        EXPECT_TRUE(target.silent());
        ASSERT_TRUE(target.say(data_at(slow, i, i * 100), pattern(100)));
    }
    target.pass(30s);
    target.expect_abort_of(slow);
}

TEST(timeout, is_prolonged_by_what_the_target_asks_for_and_gets) {
    timed_peer target(with_pings(0s));
    const auto slow = target.write();
    target.hear();
    for (std::uint32_t i = 0; i < 5; ++i) {
        target.pass(29s);
        EXPECT_TRUE(target.silent());
        ASSERT_TRUE(target.say(ask(slow, i, 8192 + i * 8192, 8192)));
        target.pass(29s); // it is asked for, and has not begun to leave
        target.hear_one<data_out>();
    }
    target.pass(30s);
    target.expect_abort_of(slow);
}

TEST(timeout, waits_for_older_commands_of_the_unit_and_no_others) {
    timed_peer target(with_pings(0s));
    const auto older = target.read(1);
    const auto newer = target.read(1);
    const auto elsewhere = target.read(2);
    target.hear();
    target.pass(29s);
    ASSERT_TRUE(target.say(data_at(older, 0, 0), pattern(100)));
    target.pass(1s);
    target.expect_abort_of(elsewhere);
    target.pass(1s);
    EXPECT_TRUE(target.silent());
    ASSERT_TRUE(target.say(last_data_at(older, 1, 100), pattern(8092)));
    target.pass(29'999ms);
    while (!target.silent())
        EXPECT_NE(target.hear_one<task_management_request>().referenced_task_tag, newer);
    target.pass(1ms);
    bool aborted = false;
    for (const auto& each : target.hear())
        aborted =
            aborted || std::get<task_management_request>(each.pdu).referenced_task_tag == newer;
    EXPECT_TRUE(aborted);
}

TEST(timeout, is_prolonged_four_times_for_a_command_that_is_overtaken) {
    timed_peer target(with_pings(0s));
    const auto passed_by = target.read();
    target.hear();
    for (int i = 0; i < 5; ++i) {
        const auto newer = target.read();
        target.hear();
        target.pass(i < 4 ? 29s : 3s);
        ASSERT_TRUE(target.say(answer(newer, 8)));
        EXPECT_TRUE(target.silent()) << i;
    }
    target.expect_event<task_done>();
    target.events();
    target.pass(1s);
    target.expect_abort_of(passed_by);
}

// Else each abort in a hung unit would give the next command its time once more.
TEST(timeout, is_not_prolonged_by_the_abort_of_an_older_command) {
    timed_peer target(with_pings(0s));
    const auto first = target.read();
    target.hear();
    target.pass(20s);
    const auto second = target.read();
    target.hear();
    target.pass(10s);
    const auto request = target.hear_one<task_management_request>();
    EXPECT_EQ(request.referenced_task_tag, first);
    task_management_response complete;
    complete.initiator_task_tag = request.initiator_task_tag;
    ASSERT_TRUE(target.say(complete));
    target.pass(20s);
    target.expect_abort_of(second);
}

TEST(timeout, is_not_prolonged_by_newer_commands_that_are_only_sent) {
    timed_peer target(with_pings(0s));
    const auto first = target.read();
    target.hear();
    for (int i = 0; i < 3; ++i) {
        target.pass(9s);
        const auto newer = target.write();
        target.hear();
        ASSERT_TRUE(target.say(ask(newer, 0, 8192, 100)));
        target.hear_one<data_out>();
    }
    target.pass(3s);
    target.expect_abort_of(first);
}

TEST(timeout, begins_anew_with_the_next_connection) {
    auto config = with_pings(0s);
    config.replay_barrier = barrier_policy::none;
    timed_peer target(config);
    const auto late = target.write();
    target.hear();
    target.pass(29s);
    target.lose_transport();
    target.pass(100s);
    target.connect();
    target.log_in();
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, late);
    target.pass(29'999ms);
    EXPECT_TRUE(target.silent());
    target.pass(1ms);
    target.expect_abort_of(late);
}

TEST(timeout, takes_no_old_answer_of_a_probe_for_a_proof) {
    timed_peer target;
    target.read(1, 10s);
    const auto other = target.read(2, 15s);
    target.hear();
    target.pass(10s);
    const auto probe = target.hear_one<nop_out>();
    target.pass(6s); // the other one is due, too, and later than the probe
    EXPECT_TRUE(target.silent());
    nop_in pdu;
    pdu.initiator_task_tag = probe.initiator_task_tag;
    ASSERT_TRUE(target.say(pdu));
    EXPECT_EQ(target.hear().size(), 2U) << "an abort and another probe";
    EXPECT_NE(other, 0U);
}

TEST(timeout, does_not_wait_for_ever_for_a_target_that_ignores_probes) {
    timed_peer target;
    const auto late = target.read(1, 10s);
    target.hear();
    target.pass(10s);
    target.hear_one<nop_out>();
    target.pass(3s);
    ASSERT_TRUE(target.say(nop_in{})); // it lives
    target.pass(7s);
    target.expect_abort_of(late);
}

// ---- a reset by another session ----------------------------------------------------------------

// CHECK CONDITION, UNIT ATTENTION with that code, for a command of the unit.
void tell_attention(timed_peer& target, task_id by, std::uint8_t code) {
    constexpr std::uint8_t check_condition = 2;
    buffer segment(2 + 18);
    segment[1] = std::byte{18};
    segment[2] = std::byte{0x70};
    segment[4] = std::byte{0x06};
    segment[9] = std::byte{10};
    segment[14] = std::byte{code};
    ASSERT_TRUE(target.say(answer(by, check_condition), segment));
    EXPECT_EQ(target.expect_event<task_done>().task, by);
}

TEST(timeout, is_short_for_what_the_target_may_have_cleared) {
    for (const auto code : {std::uint8_t{0x29}, std::uint8_t{0x2f}}) {
        timed_peer target(with_pings(0s));
        const auto cleared = target.write();
        target.hear();
        target.pass(1s);
        const auto told = target.read();
        target.hear();
        const auto newer = target.read();
        target.hear();
        tell_attention(target, told, code);
        target.pass(5s);
        target.expect_abort_of(cleared);
        target.pass(10s);
        EXPECT_TRUE(target.silent()) << newer;
    }
}

TEST(timeout, stays_as_it_is_after_other_news_and_for_other_units) {
    timed_peer target(with_pings(0s));
    target.read(1);
    const auto first = target.read();
    target.hear();
    const auto told = target.read();
    target.hear();
    tell_attention(target, told, 0x2a);
    target.pass(20s);
    EXPECT_TRUE(target.silent());
    const auto again = target.read();
    target.hear();
    tell_attention(target, again, 0x29);
    target.pass(4999ms);
    EXPECT_TRUE(target.silent());
    target.pass(1ms);
    target.expect_abort_of(first);
    EXPECT_TRUE(target.silent()); // the other unit has its time
}

TEST(timeout, of_what_is_sent_again_is_its_own) {
    timed_peer target(with_pings(0s));
    target.write();
    target.hear();
    const auto told = target.read();
    target.hear();
    tell_attention(target, told, 0x29);
    target.lose_transport();
    target.pass(2s);
    target.connect();
    target.log_in();
    target.expect_event<logged_in>();
    target.hear();
    target.pass(20s);
    EXPECT_TRUE(target.silent());
}

} // namespace
} // namespace iscsi::test
