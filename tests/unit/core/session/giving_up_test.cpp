#include "tests/unit/core/session/said.hpp"

#include <gtest/gtest.h>

// session::give_up(): the end of the replacement timeout, now.
namespace iscsi::test {
namespace {

using namespace std::chrono_literals;

fault unplugged() {
    return {{}, "transport", "unplugged", {}};
}

void is_back_after_giving_up(peer& target) {
    target.pass(30s);
    target.connect();
    target.log_in();
    EXPECT_TRUE(target.expect_event<logged_in>().again);
}

std::optional<std::size_t> given_up(peer& target) {
    const auto tasks = target.session_under_test.give_up(target.now);
    return tasks ? std::optional(*tasks) : std::nullopt;
}

TEST(giving_up, happens_when_asked_and_works_again_after_a_login) {
    logged_in_peer target(config_that_waits(-1s));
    buffer room(100);
    target.submit(read_command(room, 1));
    target.hear();
    target.lose_transport();
    target.submit(read_command(room, 2));
    target.pass(std::chrono::hours(1));
    target.expect_event<want_transport>();
    EXPECT_EQ(given_up(target), 2U);
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(target.expect_event<task_done>().why_lost, loss_reason::not_back);
    const auto told = target.expect_event<gave_up>();
    EXPECT_TRUE(told.was_asked);
    EXPECT_EQ(told.tasks, 2U);

    target.submit(read_command(room, 3));
    EXPECT_EQ(target.expect_event<task_done>().why_lost, loss_reason::not_back);

    target.session_under_test.connect_failed(unplugged(), target.now);
    target.expect_event<login_failed>();
    is_back_after_giving_up(target);
    EXPECT_TRUE(target.silent());
    const auto tag = target.submit(read_command(room));
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, tag);
}

TEST(giving_up, happens_once_however_often_it_is_asked) {
    logged_in_peer target(config_that_waits(10s));
    target.lose_transport();
    EXPECT_EQ(given_up(target), 0U);
    EXPECT_TRUE(target.expect_event<gave_up>().was_asked);
    EXPECT_EQ(given_up(target), 0U);
    target.pass(std::chrono::hours(1));
    target.expect_event<want_transport>();
    EXPECT_TRUE(target.no_event());
}

TEST(giving_up, waits_as_ever_at_the_loss_after_one_that_was_given_up) {
    logged_in_peer target(config_that_waits(10s));
    target.lose_transport();
    EXPECT_EQ(given_up(target), 0U);
    target.expect_event<gave_up>();
    is_back_after_giving_up(target);
    target.lose_transport();
    buffer room(100);
    target.submit(read_command(room));
    target.pass(9999ms);
    target.expect_event<want_transport>();
    EXPECT_TRUE(target.no_event());
    target.pass(1ms);
    EXPECT_EQ(target.expect_event<task_done>().why_lost, loss_reason::not_back);
    EXPECT_FALSE(target.expect_event<gave_up>().was_asked);
}

TEST(giving_up, happens_in_the_middle_of_a_login_that_succeeds_then) {
    logged_in_peer target(config_that_waits(-1s));
    buffer room(100);
    target.submit(read_command(room));
    target.hear();
    target.lose_transport();
    target.pass(3s);
    target.connect();
    EXPECT_EQ(given_up(target), 1U);
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::lost);
    target.expect_event<gave_up>();
    EXPECT_EQ(target.session_under_test.connection(), connection_state::in_login);
}

// The driver may still write to the memory of the task: it ends with the transport.
TEST(giving_up, happens_when_the_transport_is_closed) {
    auto config = config_that_waits(-1s);
    config.timeouts.noop_out_interval = 5s;
    config.timeouts.noop_out_timeout = 5s;
    logged_in_peer target(config);
    buffer room(100);
    target.submit(read_command(room));
    target.hear();
    target.pass(5s);
    target.hear();
    target.pass(5s);
    target.expect_event<want_close>();
    EXPECT_EQ(given_up(target), 1U);
    EXPECT_TRUE(target.no_event());
    target.session_under_test.transport_lost(unplugged(), target.now);
    EXPECT_EQ(target.expect_event<task_done>().why_lost, loss_reason::not_back);
    EXPECT_TRUE(target.expect_event<gave_up>().was_asked);
}

TEST(giving_up, refuses_to_give_up_when_nothing_waits_for_a_connection) {
    const auto refuses = [](peer& target) {
        const auto answer = target.session_under_test.give_up(target.now);
        return answer.has_error() &&
               answer.error().code == to_error_code(session_errc::not_usable) && target.no_event();
    };
    logged_in_peer logged_in_target(config_that_waits(10s));
    buffer room(100);
    logged_in_target.submit(read_command(room));
    EXPECT_TRUE(refuses(logged_in_target)) << "logged in";
    peer fresh(config_that_waits(10s));
    EXPECT_TRUE(refuses(fresh)) << "not started";
    fresh.session_under_test.start(fresh.now);
    fresh.expect_event<want_transport>();
    EXPECT_TRUE(refuses(fresh)) << "its first login";
    logged_in_peer leaving(config_that_waits(10s));
    leaving.session_under_test.logout(leaving.now);
    EXPECT_TRUE(refuses(leaving)) << "logging out";
}

} // namespace
} // namespace iscsi::test
