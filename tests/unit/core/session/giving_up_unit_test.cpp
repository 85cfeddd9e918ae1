#include "tests/unit/core/session/said.hpp"

#include <gtest/gtest.h>

// session::reset_lun(), at once: what the ladder comes to with a unit that answers nothing, now.
namespace iscsi::test {
namespace {

using namespace std::chrono_literals;

constexpr lun_field silent_unit{std::byte{0}, std::byte{1}};
constexpr lun_field good_unit{std::byte{0}, std::byte{2}};

// A read and a write are at one unit, a read at the other.
struct half_silent_target : logged_in_peer {
    explicit half_silent_target(const session_config& config = plain_config())
        : logged_in_peer(config) {
        read = submit(of(silent_unit, read_command(room, 1)));
        write = submit(of(silent_unit, write_command(written, 2)));
        good = submit(of(good_unit, read_command(good_room, 3)));
        hear();
    }

    static command of(const lun_field& lun, command what) {
        what.lun = lun;
        return what;
    }

    void give_up() { session_under_test.reset_lun(silent_unit, now, task_end::at_once); }

    void expect_lost(task_id which) {
        const auto done = expect_event<task_done>();
        EXPECT_EQ(done.task, which);
        EXPECT_EQ(done.outcome, task_result::lost);
        EXPECT_EQ(done.why_lost, loss_reason::unit_given_up);
    }

    void expect_given_up() {
        const auto told = expect_event<unit_given_up>();
        EXPECT_EQ(told.lun, silent_unit);
        EXPECT_TRUE(told.was_asked);
    }

    task_management_request expect_reset() {
        auto reset = hear_one<task_management_request>();
        EXPECT_EQ(reset.function, task_management_function::logical_unit_reset);
        EXPECT_EQ(reset.lun, silent_unit);
        return reset;
    }

    void conclude(const task_management_request& request) {
        task_management_response pdu;
        pdu.initiator_task_tag = request.initiator_task_tag;
        EXPECT_TRUE(say(pdu));
    }

    void answer_good() {
        ASSERT_TRUE(say(last_data_at(good, 0, 0), pattern(100)));
        const auto done = expect_event<task_done>();
        EXPECT_EQ(done.task, good);
        EXPECT_EQ(done.outcome, task_result::answered);
        EXPECT_EQ(good_room, pattern(100));
    }

    buffer room = buffer(100);
    buffer good_room = buffer(100);
    buffer written = pattern(100);
    task_id read = 0;
    task_id write = 0;
    task_id good = 0;
};

TEST(giving_up_a_unit, ends_its_commands_and_no_others) {
    half_silent_target target;
    target.give_up();
    target.expect_given_up();
    target.expect_lost(target.read);
    target.expect_lost(target.write);
    target.expect_reset();
    EXPECT_TRUE(target.silent());
    target.answer_good();
    EXPECT_TRUE(target.no_event());
    EXPECT_EQ(target.session_under_test.unfinished_tasks(), 0U);
}

TEST(giving_up_a_unit, lets_nothing_go_there_before_a_reset_is_answered) {
    half_silent_target target;
    target.give_up();
    target.expect_given_up();
    target.expect_lost(target.read);
    target.expect_lost(target.write);
    const auto reset = target.expect_reset();
    target.expect_lost(target.submit(target.of(silent_unit, read_command(target.room))));
    EXPECT_TRUE(target.silent());
    target.conclude(reset);
    EXPECT_EQ(target.expect_event<unit_is_back>().lun, silent_unit);
    const auto next = target.submit(target.of(silent_unit, read_command(target.room)));
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, next);
}

TEST(giving_up_a_unit, resets_it_again_when_that_is_not_answered) {
    auto config = plain_config();
    config.timeouts.noop_out_interval = 0s;
    half_silent_target target(config);
    target.give_up();
    target.events();
    target.expect_reset();
    target.answer_good();
    target.pass(30s);
    bool is_reset_again = false;
    for (const auto& each : target.hear())
        is_reset_again |= std::holds_alternative<task_management_request>(each.pdu);
    EXPECT_TRUE(is_reset_again);
}

// What comes late touches no memory that has gone back, and ends no connection.
TEST(giving_up_a_unit, takes_late_answers_for_nothing) {
    half_silent_target target;
    target.give_up();
    target.events();
    ASSERT_TRUE(target.say(last_data_at(target.read, 0, 0), pattern(100, 7)));
    EXPECT_EQ(target.room, buffer(100));
    ASSERT_TRUE(target.say(ask(target.write, 0, 0, 100)));
    ASSERT_TRUE(target.say(answer(target.write)));
    EXPECT_TRUE(target.no_event());
    target.answer_good();
}

TEST(giving_up_a_unit, waits_for_the_end_of_a_segment_that_is_on_its_way) {
    half_silent_target target;
    const auto pdu = target.numbered(data_at(target.read, 0, 0));
    const auto bytes = target.encoded(pdu, pattern(100));
    const auto middle = bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() - 50);
    ASSERT_TRUE(target.deliver({bytes.begin(), middle}));
    target.give_up();
    EXPECT_TRUE(target.no_event());
    target.pass(1s);
    EXPECT_TRUE(target.no_event());
    ASSERT_TRUE(target.deliver({middle, bytes.end()}));
    target.expect_given_up();
    target.expect_lost(target.read);
    target.expect_lost(target.write);
    target.answer_good();
}

TEST(giving_up_a_unit, ends_the_connection_of_a_segment_that_does_not_end) {
    half_silent_target target;
    const auto pdu = target.numbered(data_at(target.read, 0, 0));
    const auto bytes = target.encoded(pdu, pattern(100));
    ASSERT_TRUE(target.deliver({bytes.begin(), bytes.end() - 50}));
    target.give_up();
    target.pass(2s);
    target.expect_event<want_close>();
    target.lose_transport();
    for (const auto each : {target.read, target.write}) {
        const auto done = target.expect_event<task_done>();
        EXPECT_EQ(done.task, each);
        EXPECT_EQ(done.outcome, task_result::aborted);
    }
    EXPECT_EQ(target.session_under_test.unfinished_tasks(), 1U) << "that of the other unit";
}

TEST(giving_up_a_unit, ends_what_waits_for_a_connection) {
    half_silent_target target;
    target.lose_transport();
    target.pass(2s);
    target.connect();
    target.give_up();
    target.expect_lost(target.read);
    target.expect_lost(target.write);
    target.expect_given_up();
    target.log_in();
    bool is_reset = false;
    for (const auto& each : target.hear()) {
        if (const auto* reset = std::get_if<task_management_request>(&each.pdu))
            is_reset |= reset->lun == silent_unit;
        if (const auto* command = std::get_if<scsi_command>(&each.pdu)) {
            EXPECT_EQ(command->initiator_task_tag, target.good);
        }
    }
    EXPECT_TRUE(is_reset);
}

TEST(giving_up_a_unit, does_nothing_to_one_without_commands) {
    logged_in_peer target;
    target.session_under_test.reset_lun(silent_unit, target.now, task_end::at_once);
    EXPECT_TRUE(target.no_event());
    EXPECT_TRUE(target.silent());
}

} // namespace
} // namespace iscsi::test
