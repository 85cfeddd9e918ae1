#include "tests/unit/core/session/said.hpp"

#include <gtest/gtest.h>

// session::change(): settings of a session that lives.
namespace iscsi::test {
namespace {

using namespace std::chrono_literals;

void change_replacement(peer& target, duration patience) {
    session_settings settings = target.session_under_test.config();
    settings.timeouts.replacement = patience;
    target.session_under_test.change(settings, target.now);
}

// A session that has lost its connection 40 s ago, with a read that waits.
struct lost_peer : logged_in_peer {
    explicit lost_peer(duration patience) : logged_in_peer(config_that_waits(patience)) {
        submit(read_command(room));
        hear();
        lose_transport();
        pass(40s);
        events();
    }

    buffer room = buffer(100);
};

void expect_given_up(peer& target) {
    EXPECT_EQ(target.expect_event<task_done>().why_lost, loss_reason::not_back);
    EXPECT_FALSE(target.expect_event<gave_up>().was_asked);
}

TEST(change, lets_the_replacement_timeout_count_from_the_loss) {
    lost_peer target(120s);
    change_replacement(target, 60s);
    target.pass(19s);
    EXPECT_TRUE(target.no_event());
    target.pass(1s);
    expect_given_up(target);
}

TEST(change, ends_a_wait_that_has_lasted_too_long_by_now) {
    for (const auto patience : {30s, 0s}) {
        lost_peer target(120s);
        change_replacement(target, patience);
        expect_given_up(target);
    }
}

TEST(change, lets_a_lost_session_wait_longer) {
    for (const auto patience : {1000s, -1s}) {
        lost_peer target(120s);
        change_replacement(target, patience);
        target.pass(900s);
        EXPECT_TRUE(target.no_event());
    }
}

TEST(change, ends_a_wait_that_was_to_have_no_end) {
    lost_peer target(-1s);
    change_replacement(target, 50s);
    target.pass(9s);
    EXPECT_TRUE(target.no_event());
    target.pass(1s);
    expect_given_up(target);
}

TEST(change, does_not_touch_the_replacement_timeout_of_a_session_that_is_there) {
    logged_in_peer target(config_that_waits(120s));
    change_replacement(target, 0s);
    EXPECT_TRUE(target.no_event());
    buffer room(100);
    target.submit(read_command(room));
    target.hear();
    target.lose_transport();
    expect_given_up(target);
}

void change_nops(peer& target, duration interval, duration timeout) {
    session_settings settings = target.session_under_test.config();
    settings.timeouts.noop_out_interval = interval;
    settings.timeouts.noop_out_timeout = timeout;
    target.session_under_test.change(settings, target.now);
}

TEST(change, switches_the_keepalive_on_and_off) {
    auto config = plain_config();
    config.timeouts.noop_out_interval = config.timeouts.noop_out_timeout = 0s;
    logged_in_peer target(config);
    target.pass(60s);
    EXPECT_TRUE(target.silent());
    change_nops(target, 10s, 5s);
    target.pass(1s);
    target.hear_one<nop_out>();
    target.pass(5s);
    target.expect_event<want_close>();

    logged_in_peer quiet;
    change_nops(quiet, 0s, 0s);
    quiet.pass(600s);
    EXPECT_TRUE(quiet.silent());
    EXPECT_TRUE(quiet.no_event());
}

// A NOP-Out behind what was sent is the proof that it has arrived.
std::size_t probes_behind_data(logged_in_peer& target) {
    const auto data = pattern(1 << 20);
    const auto task = target.submit(write_command(data));
    target.hear();
    std::size_t probes = 0;
    for (std::uint32_t sn = 0; sn < 4; ++sn) {
        EXPECT_TRUE(target.say(ask(task, sn, sn << 18, 1U << 18)));
        for (const auto& sent : target.hear())
            probes += static_cast<std::size_t>(std::holds_alternative<nop_out>(sent.pdu));
    }
    EXPECT_TRUE(target.say(answer(task)));
    return probes;
}

TEST(change, sends_no_probes_when_nops_are_switched_off) {
    const std::map<std::string, std::string> keys{
        {"MaxBurstLength", "262144"}, {"InitialR2T", "Yes"}, {"ImmediateData", "No"}};
    logged_in_peer usual(plain_config(), keys);
    EXPECT_GT(probes_behind_data(usual), 0U);
    logged_in_peer changed(plain_config(), keys);
    change_nops(changed, 0s, 0s);
    EXPECT_EQ(probes_behind_data(changed), 0U);
    change_nops(changed, 5s, 5s);
    EXPECT_GT(probes_behind_data(changed), 0U);
}

TEST(change, gives_the_next_abort_its_new_time) {
    auto config = plain_config();
    config.timeouts.abort = 600s;
    config.timeouts.noop_out_interval = config.timeouts.noop_out_timeout = 0s;
    logged_in_peer target(config);
    buffer room(100);
    const auto task = target.submit(read_command(room));
    target.hear();
    session_settings settings = target.session_under_test.config();
    settings.timeouts.abort = 5s;
    target.session_under_test.change(settings, target.now);
    target.session_under_test.abort(task, target.now);
    EXPECT_EQ(
        target.hear_one<task_management_request>().function, task_management_function::abort_task
    );
    target.pass(5s);
    EXPECT_EQ(
        target.hear_one<task_management_request>().function,
        task_management_function::logical_unit_reset
    );
}

} // namespace
} // namespace iscsi::test
