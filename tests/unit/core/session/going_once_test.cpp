#include "tests/unit/core/session/said.hpp"

#include <gtest/gtest.h>

// command::goes_once: what may not be done twice is never sent a second time.
namespace iscsi::test {
namespace {

using namespace std::chrono_literals;

command once(command what) {
    what.goes_once = true;
    return what;
}

struct once_peer : logged_in_peer {
    using logged_in_peer::logged_in_peer;

    void come_back() {
        pass(30s);
        connect();
        log_in();
        EXPECT_TRUE(expect_event<logged_in>().again);
    }

    task_done lost() {
        const auto done = expect_event<task_done>();
        EXPECT_EQ(done.outcome, task_result::lost);
        EXPECT_EQ(done.why_lost, loss_reason::goes_once);
        return done;
    }

    const buffer data = pattern(24);
    buffer room = buffer(100);
};

session_config without_barrier() {
    auto config = plain_config();
    config.replay_barrier = barrier_policy::none;
    return config;
}

TEST(going_once, is_as_any_other_command_while_the_connection_lasts) {
    once_peer target;
    const auto tag = target.submit(once(write_command(target.data)));
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, tag);
    ASSERT_TRUE(target.say(answer(tag)).has_value());
    const auto done = target.expect_event<task_done>();
    EXPECT_EQ(done.outcome, task_result::answered);
    EXPECT_TRUE(done.may_have_run);
}

TEST(going_once, ends_with_the_connection_that_it_went_out_on) {
    once_peer target(without_barrier());
    target.submit(once(write_command(target.data)));
    const auto again = target.submit(read_command(target.room));
    target.hear();
    target.lose_transport();
    EXPECT_TRUE(target.lost().may_have_run);
    target.come_back();
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, again);
    EXPECT_TRUE(target.silent());
}

TEST(going_once, is_not_kept_for_the_next_connection) {
    once_peer target;
    target.session_under_test.hold({});
    target.submit(once(write_command(target.data)));
    EXPECT_TRUE(target.silent());
    target.lose_transport();
    EXPECT_FALSE(target.lost().may_have_run);
    target.session_under_test.let_go({});
    target.come_back();
    EXPECT_TRUE(target.silent());
}

TEST(going_once, is_refused_without_a_connection) {
    once_peer target;
    target.lose_transport();
    target.submit(once(write_command(target.data)));
    EXPECT_FALSE(target.lost().may_have_run);
    target.come_back();
    EXPECT_TRUE(target.silent());
}

TEST(going_once, has_not_run_when_it_is_aborted_before_it_goes) {
    once_peer target;
    target.session_under_test.hold({});
    const auto tag = target.submit(once(write_command(target.data)));
    target.session_under_test.abort(tag, target.now);
    const auto done = target.expect_event<task_done>();
    EXPECT_EQ(done.outcome, task_result::aborted);
    EXPECT_FALSE(done.may_have_run);
}

} // namespace
} // namespace iscsi::test
