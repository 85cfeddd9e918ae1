#include "tests/unit/core/session/said.hpp"

#include <gtest/gtest.h>

// What goes to a unit again after its connection was lost under unanswered writes.
namespace iscsi::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t complete = 0; // §11.6.1
constexpr std::uint8_t unsupported = 5;

session_config with_policy(barrier_policy policy) {
    auto config = plain_config();
    config.timeouts.noop_out_interval = 0s;
    config.replay_barrier = policy;
    return config;
}

struct guarded_target : logged_in_peer {
    explicit guarded_target(barrier_policy policy) : logged_in_peer(with_policy(policy)) {}

    void lose_and_come_back() {
        lose_transport();
        pass(2s);
        connect();
        log_in();
        expect_event<logged_in>();
    }

    result<void> conclude(const task_management_request& request, std::uint8_t response) {
        task_management_response pdu;
        pdu.initiator_task_tag = request.initiator_task_tag;
        pdu.response = response;
        return say(pdu);
    }

    task_management_request expect_reset() {
        const auto request = hear_one<task_management_request>();
        EXPECT_EQ(request.function, task_management_function::logical_unit_reset);
        return request;
    }

    const buffer data = pattern(100);
    buffer room = buffer(100);
};

TEST(replay_barrier, resets_the_unit_before_anything_goes_out_again) {
    for (const auto policy : {barrier_policy::automatic, barrier_policy::lu_reset}) {
        guarded_target target(policy);
        const auto write = target.submit(write_command(target.data));
        target.hear();
        target.lose_and_come_back();
        const auto read = target.submit(read_command(target.room));
        const auto reset = target.expect_reset();
        EXPECT_TRUE(target.silent());
        ASSERT_TRUE(target.conclude(reset, complete));
        EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, write);
        ASSERT_TRUE(target.say(answer(write)));
        EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, read);
    }
}

TEST(replay_barrier, is_not_raised_when_it_is_not_wanted) {
    guarded_target target(barrier_policy::none);
    const auto write = target.submit(write_command(target.data));
    target.hear();
    target.lose_and_come_back();
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, write);
}

TEST(replay_barrier, is_not_raised_for_reads_and_flushes) {
    guarded_target target(barrier_policy::lu_reset);
    target.submit(read_command(target.room));
    command flush;
    flush.cdb[0] = std::byte{0x91}; // SYNCHRONIZE CACHE (16)
    target.submit(flush);
    target.hear();
    target.lose_and_come_back();
    EXPECT_EQ(target.hear().size(), 2U);
}

TEST(replay_barrier, resets_each_unit_once) {
    guarded_target target(barrier_policy::automatic);
    for (const std::uint8_t number : {std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{1}}) {
        auto what = write_command(target.data);
        what.lun[1] = std::byte{number};
        target.submit(what);
    }
    target.hear();
    target.lose_and_come_back();
    const auto requests = target.hear();
    ASSERT_EQ(requests.size(), 2U);
    for (const auto& each : requests)
        ASSERT_TRUE(target.conclude(std::get<task_management_request>(each.pdu), complete));
    EXPECT_EQ(target.hear().size(), 3U);
}

TEST(replay_barrier, trusts_a_unit_whose_target_is_known_only_when_automatic) {
    guarded_target trusting(barrier_policy::automatic);
    trusting.session_under_test.trust_reinstatement({});
    const auto write = trusting.submit(write_command(trusting.data));
    trusting.hear();
    trusting.lose_and_come_back();
    EXPECT_EQ(trusting.hear_one<scsi_command>().initiator_task_tag, write);

    guarded_target strict(barrier_policy::lu_reset);
    strict.session_under_test.trust_reinstatement({});
    strict.submit(write_command(strict.data));
    strict.hear();
    strict.lose_and_come_back();
    strict.expect_reset();
}

// Its task management was refused on the connection before: whatever its target is known for.
TEST(replay_barrier, does_not_trust_a_unit_that_needed_a_new_connection) {
    guarded_target target(barrier_policy::automatic);
    target.session_under_test.trust_reinstatement({});
    const auto write = target.submit(write_command(target.data));
    target.submit(write_command(target.data));
    target.hear();
    target.session_under_test.abort(write, target.now);
    auto refused = target.conclude(target.hear_one<task_management_request>(), unsupported);
    while (!refused.has_error())
        refused = target.conclude(target.hear_one<task_management_request>(), unsupported);
    target.lose_transport();
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::aborted);
    target.pass(2s);
    target.connect();
    target.log_in();
    target.expect_reset();
    EXPECT_TRUE(target.silent());
}

TEST(replay_barrier, believes_a_target_without_resets_only_when_automatic) {
    guarded_target target(barrier_policy::automatic);
    const auto write = target.submit(write_command(target.data));
    target.hear();
    target.lose_and_come_back();
    ASSERT_TRUE(target.conclude(target.expect_reset(), unsupported));
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, write);

    guarded_target strict(barrier_policy::lu_reset);
    strict.submit(write_command(strict.data));
    strict.hear();
    strict.lose_and_come_back();
    ASSERT_TRUE(strict.conclude(strict.expect_reset(), unsupported));
    const auto wider = strict.hear_one<task_management_request>();
    EXPECT_EQ(wider.function, task_management_function::target_warm_reset);
    EXPECT_TRUE(strict.silent());
    EXPECT_TRUE(strict.conclude(wider, unsupported).has_error());
}

TEST(replay_barrier, waits_for_a_reset_that_takes_its_time) {
    guarded_target target(barrier_policy::automatic);
    target.submit(write_command(target.data));
    target.hear();
    target.lose_and_come_back();
    target.expect_reset();
    target.pass(30s); // the target may still be busy with the old write: no answer is no consent
    EXPECT_EQ(
        target.hear_one<task_management_request>().function,
        task_management_function::target_warm_reset
    );
    EXPECT_TRUE(target.silent());
}

TEST(replay_barrier, stands_until_a_reset_is_answered_over_any_number_of_connections) {
    guarded_target target(barrier_policy::automatic);
    const auto write = target.submit(write_command(target.data));
    target.hear();
    target.lose_and_come_back();
    target.expect_reset();
    target.lose_and_come_back();
    ASSERT_TRUE(target.conclude(target.expect_reset(), complete));
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, write);
}

TEST(replay_barrier, stands_for_writes_that_failed_meanwhile) {
    auto config = with_policy(barrier_policy::automatic);
    config.timeouts.replacement = 1s;
    logged_in_peer target(config);
    const auto data = pattern(100);
    target.submit(write_command(data));
    target.hear();
    target.lose_transport();
    target.pass(1s);
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::lost);
    target.expect_event<gave_up>();
    target.pass(1s);
    target.connect();
    target.log_in();
    target.expect_event<logged_in>();
    target.submit(write_command(data));
    EXPECT_EQ(
        target.hear_one<task_management_request>().function,
        task_management_function::logical_unit_reset
    );
}

// ---- a reset that is asked for (session::reset_first) ------------------------------------------

struct owing_target : guarded_target {
    explicit owing_target(barrier_policy policy = barrier_policy::none) : guarded_target(policy) {
        session_under_test.trust_reinstatement({}); // whatever it is trusted with
    }

    void owe() { session_under_test.reset_first({}, now); }

    void expect_open() {
        const auto next = submit(write_command(data));
        EXPECT_EQ(hear_one<scsi_command>().initiator_task_tag, next);
    }
};

TEST(owed_reset, keeps_everything_back_until_it_is_answered) {
    for (const auto policy : {barrier_policy::automatic, barrier_policy::none}) {
        owing_target target(policy);
        target.owe();
        const auto reset = target.expect_reset();
        const auto write = target.submit(write_command(target.data));
        EXPECT_TRUE(target.silent());
        ASSERT_TRUE(target.conclude(reset, complete));
        EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, write);
        EXPECT_TRUE(target.silent());
    }
}

TEST(owed_reset, goes_out_with_the_next_connection) {
    for (const auto policy : {barrier_policy::automatic, barrier_policy::none}) {
        owing_target target(policy);
        target.lose_transport();
        target.owe();
        target.pass(2s);
        target.connect();
        target.log_in();
        const auto write = target.submit(write_command(target.data));
        target.expect_reset();
        EXPECT_TRUE(target.silent());
        target.events();
        target.lose_and_come_back(); // unanswered
        ASSERT_TRUE(target.conclude(target.expect_reset(), complete));
        EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, write);
        ASSERT_TRUE(target.say(answer(write)));
        target.events();
        target.lose_and_come_back(); // it is done once
        target.expect_open();
    }
}

TEST(owed_reset, does_not_believe_a_target_without_resets) {
    owing_target target(barrier_policy::automatic);
    target.lose_transport();
    target.owe();
    target.pass(2s);
    target.connect();
    target.log_in();
    target.events();
    target.submit(write_command(target.data));
    for (unsigned refusals = 0; refusals < 3; ++refusals) { // the reset first; then the ladder
        const auto asked = target.hear_one<task_management_request>();
        const bool is_last = asked.function == task_management_function::target_warm_reset;
        ASSERT_EQ(target.conclude(asked, unsupported).has_error(), is_last);
        if (is_last)
            return;
    }
    FAIL() << "no target reset";
}

TEST(owed_reset, of_a_target_without_resets_ends_the_unit) {
    owing_target target(barrier_policy::automatic);
    target.owe();
    const auto write = target.submit(write_command(target.data));
    for (unsigned connections = 0; connections < 2; ++connections) {
        auto refused = target.conclude(target.hear_one<task_management_request>(), unsupported);
        for (unsigned n = 0; n < 3 && !refused.has_error() && !target.silent(); ++n)
            refused = target.conclude(target.hear_one<task_management_request>(), unsupported);
        if (refused.has_error())
            target.lose_and_come_back();
    }
    EXPECT_EQ(target.expect_event<unit_given_up>().lun, lun_field{});
    const auto done = target.expect_event<task_done>();
    EXPECT_EQ(done.task, write);
    EXPECT_EQ(done.outcome, task_result::lost);
    EXPECT_FALSE(done.may_have_run);
}

// What has been sent before may have ended before the write came that is to be out of the way.
TEST(owed_reset, is_another_one_than_a_reset_that_is_under_way) {
    owing_target target(barrier_policy::lu_reset);
    const auto write = target.submit(write_command(target.data));
    target.hear();
    target.lose_and_come_back();
    const auto earlier = target.expect_reset();
    target.owe();
    EXPECT_TRUE(target.silent());
    ASSERT_TRUE(target.conclude(earlier, complete));
    ASSERT_TRUE(target.conclude(target.expect_reset(), complete));
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, write);
}

TEST(owed_reset, holds_up_no_other_unit) {
    owing_target target;
    target.owe();
    target.expect_reset();
    auto what = write_command(target.data);
    what.lun[1] = std::byte{1};
    const auto other = target.submit(what);
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, other);
}

} // namespace
} // namespace iscsi::test
