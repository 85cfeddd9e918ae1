#include "tests/unit/core/session/said.hpp"

#include <gtest/gtest.h>

// Units that nothing may reach until someone knows which they are.
namespace iscsi::test {
namespace {

using namespace std::chrono_literals;

lun_field unit(unsigned number) {
    lun_field lun{};
    lun[1] = static_cast<std::byte>(number);
    return lun;
}

command to(unsigned number, command what) {
    what.lun = unit(number);
    return what;
}

command ahead(command what) {
    what.goes_ahead = true;
    return what;
}

session_config without_barrier() {
    auto config = plain_config();
    config.replay_barrier = barrier_policy::none;
    return config;
}

struct held_peer : logged_in_peer {
    using logged_in_peer::logged_in_peer;

    void lose_and_come_back() {
        lose_transport();
        pass(30s);
        connect();
        log_in();
        EXPECT_TRUE(expect_event<logged_in>().again);
    }

    task_id heard() { return hear_one<scsi_command>().initiator_task_tag; }

    const buffer data = pattern(100);
    buffer room = buffer(100);
};

TEST(hold, keeps_commands_of_its_unit_back_and_no_others) {
    held_peer target;
    target.session_under_test.hold(unit(1));
    const auto held = target.submit(to(1, write_command(target.data)));
    const auto other = target.submit(to(2, write_command(target.data)));
    const auto question = target.submit(ahead(to(1, read_command(target.room))));
    EXPECT_EQ(target.heard(), question);
    EXPECT_EQ(target.heard(), other);
    EXPECT_TRUE(target.silent());
    target.session_under_test.let_go(unit(1));
    EXPECT_EQ(target.heard(), held);
}

TEST(hold, keeps_back_what_is_to_be_sent_again) {
    held_peer target(without_barrier());
    const auto first = target.submit(to(1, write_command(target.data)));
    const auto second = target.submit(to(1, read_command(target.room)));
    target.hear();
    target.lose_and_come_back();
    target.session_under_test.hold(unit(1));
    EXPECT_TRUE(target.silent());
    const auto question = target.submit(ahead(to(1, read_command(target.room))));
    EXPECT_EQ(target.heard(), question);
    EXPECT_TRUE(target.silent());
    target.session_under_test.let_go(unit(1));
    EXPECT_EQ(target.heard(), first);
    EXPECT_EQ(target.heard(), second);
}

TEST(hold, outlives_the_connection) {
    held_peer target(without_barrier());
    target.session_under_test.hold(unit(1));
    const auto held = target.submit(to(1, write_command(target.data)));
    const auto question = target.submit(ahead(to(1, read_command(target.room))));
    EXPECT_EQ(target.heard(), question);
    target.lose_and_come_back();
    EXPECT_EQ(target.heard(), question) << "it is asked again";
    EXPECT_TRUE(target.silent());
    target.session_under_test.let_go(unit(1));
    EXPECT_EQ(target.heard(), held);
}

TEST(hold, lets_a_held_command_be_aborted) {
    held_peer target;
    target.session_under_test.hold(unit(1));
    const auto held = target.submit(to(1, write_command(target.data, 7)));
    target.session_under_test.abort(held, target.now);
    const auto done = target.expect_event<task_done>();
    EXPECT_EQ(done.cookie, 7U);
    EXPECT_EQ(done.outcome, task_result::aborted);
    EXPECT_TRUE(target.silent());
}

TEST(hold, leaves_room_for_a_question_when_all_slots_are_taken) {
    held_peer target;
    target.session_under_test.hold(unit(1));
    while (target.session_under_test.free_slots() > 0)
        target.submit(to(1, write_command(target.data)));
    EXPECT_EQ(
        target.session_under_test.submit(write_command(target.data), target.now).error().code,
        code(session_errc::no_free_slot)
    );
    const auto question = target.submit(ahead(to(1, read_command(target.room))));
    EXPECT_EQ(target.heard(), question);
    EXPECT_EQ(target.session_under_test.free_slots(), 0U);
    for (int i = 1; i < 16; ++i)
        target.submit(ahead(to(1, read_command(target.room))));
    const auto one_more =
        target.session_under_test.submit(ahead(read_command(target.room)), target.now);
    EXPECT_EQ(one_more.error().code, code(session_errc::no_free_slot));
}

TEST(hold, may_be_asked_for_twice_and_lifted_once) {
    held_peer target;
    target.session_under_test.hold(unit(1));
    target.session_under_test.hold(unit(1));
    target.session_under_test.let_go(unit(2));
    const auto held = target.submit(to(1, write_command(target.data)));
    EXPECT_TRUE(target.silent());
    target.session_under_test.let_go(unit(1));
    EXPECT_EQ(target.heard(), held);
}

TEST(replay_barrier, of_one_unit_does_not_hold_another) {
    held_peer target(without_barrier());
    const auto old_write = target.submit(to(1, write_command(target.data)));
    target.hear();
    target.lose_transport();
    const auto newer = target.submit(to(1, write_command(target.data)));
    const auto of_another = target.submit(to(2, write_command(target.data)));
    target.pass(30s);
    target.connect();
    target.log_in();
    EXPECT_EQ(target.heard(), old_write);
    EXPECT_EQ(target.heard(), of_another);
    EXPECT_TRUE(target.silent());
    ASSERT_TRUE(target.say(answer(old_write)));
    EXPECT_EQ(target.heard(), newer);
}

TEST(replay_barrier, lets_questions_pass) {
    held_peer target(without_barrier());
    const auto old_write = target.submit(to(1, write_command(target.data)));
    target.hear();
    target.lose_and_come_back();
    EXPECT_EQ(target.heard(), old_write);
    const auto question = target.submit(ahead(to(1, read_command(target.room))));
    EXPECT_EQ(target.heard(), question);
}

} // namespace
} // namespace iscsi::test
