#include "tests/unit/core/session/said.hpp"

#include "libiscsi/core/login/login.hpp"

#include <gtest/gtest.h>

namespace iscsi::test {
namespace {

using namespace std::chrono_literals;

fault cable_pulled() {
    return {{}, "transport", "pulled", {}};
}

void come_back(peer& target) {
    target.pass(30s);
    target.connect();
    target.log_in();
    EXPECT_TRUE(target.expect_event<logged_in>().again);
}

// Refuses the Login Request that is due.
void refuse_login(peer& target, std::uint8_t status_class, std::uint8_t detail) {
    const auto request = target.hear_one<login_request>();
    login_response response;
    response.isid = request.isid;
    response.initiator_task_tag = request.initiator_task_tag;
    response.status_class = status_class;
    response.status_detail = detail;
    target.say_as_is(response).value();
}

// ---- when to come back ------------------------------------------------------------------------

TEST(recovery, waits_for_time2wait) {
    logged_in_peer target(plain_config(), {{"DefaultTime2Wait", "3"}});
    target.lose_transport();
    EXPECT_EQ(target.session_under_test.connection(), connection_state::transport_wait);
    EXPECT_EQ(target.session_under_test.state(), session_state::failed);
    target.pass(2999ms);
    EXPECT_TRUE(target.no_event());
    target.pass(1ms);
    EXPECT_FALSE(target.expect_event<want_transport>().redirect);
}

TEST(recovery, counts_the_logins_that_succeed) {
    logged_in_peer target(plain_config(), {{"DefaultTime2Wait", "3"}});
    EXPECT_EQ(target.session_under_test.statistics().logins, 1U);
    target.lose_transport();
    EXPECT_EQ(target.session_under_test.statistics().logins, 1U);
    come_back(target);
    EXPECT_EQ(target.session_under_test.statistics().logins, 2U);
}

TEST(recovery, waits_a_second_at_least) {
    auto config = plain_config();
    config.offer.default_time2wait = 0;
    logged_in_peer target(config, {{"DefaultTime2Wait", "0"}});
    target.lose_transport();
    target.pass(999ms);
    EXPECT_TRUE(target.no_event());
    target.pass(1ms);
    target.expect_event<want_transport>();
}

session_config without_time2wait(duration replacement = 120s) {
    auto config = plain_config();
    config.offer.default_time2wait = 0;
    config.timeouts.replacement = replacement;
    return config;
}

// The next attempt comes after that pause, and fails.
void fail_after(peer& target, duration pause) {
    target.pass(pause - 1ms);
    EXPECT_TRUE(target.no_event()) << pause.count();
    target.pass(1ms);
    target.expect_event<want_transport>();
    target.session_under_test.connect_failed(cable_pulled(), target.now);
    EXPECT_EQ(target.expect_event<login_failed>().verdict, login_verdict::retry);
}

TEST(recovery, tries_every_three_seconds_as_long_as_somebody_waits) {
    logged_in_peer target(without_time2wait(), {{"DefaultTime2Wait", "0"}});
    target.lose_transport();
    fail_after(target, 1s);
    fail_after(target, 2s);
    for (int i = 0; i < 20; ++i)
        fail_after(target, 3s);
}

TEST(recovery, obeys_time2wait_once) {
    logged_in_peer target(plain_config(), {{"DefaultTime2Wait", "7"}});
    target.lose_transport();
    fail_after(target, 7s);
    fail_after(target, 2s);
    fail_after(target, 3s);
}

TEST(recovery, tries_once_more_just_before_it_gives_up_and_is_slower_then) {
    logged_in_peer target(without_time2wait(10s), {{"DefaultTime2Wait", "0"}});
    target.lose_transport();
    for (const auto pause : {1s, 2s, 3s, 3s}) // it is 0:09 then: just before the end
        fail_after(target, pause);
    target.pass(1s);
    target.expect_event<gave_up>();
    target.pass(2s);
    target.expect_event<want_transport>();
    target.session_under_test.connect_failed(cable_pulled(), target.now);
    target.expect_event<login_failed>();
    for (const auto pause : {3s, 6s, 12s, 24s, 30s, 30s})
        fail_after(target, pause);
}

TEST(recovery, does_not_let_the_last_try_slip_behind_the_end) {
    logged_in_peer target(without_time2wait(8s), {{"DefaultTime2Wait", "0"}});
    target.lose_transport();
    for (const auto pause : {1s, 2s, 3s, 1s}) // the regular one would be at 0:09
        fail_after(target, pause);
}

TEST(recovery, hands_out_no_memory_without_a_transport) {
    logged_in_peer target;
    buffer room(100);
    target.submit(read_command(room));
    EXPECT_FALSE(target.session_under_test.write_plan().empty());
    target.lose_transport();
    EXPECT_TRUE(target.session_under_test.write_plan().empty());
    EXPECT_TRUE(target.session_under_test.read_plan().empty());
    EXPECT_TRUE(target.session_under_test.received(0, target.now));
}

session_config without_barrier() {
    auto config = plain_config();
    config.replay_barrier = barrier_policy::none;
    return config;
}

// ---- what comes back --------------------------------------------------------------------------

TEST(recovery, reissues_first_and_keeps_what_was_never_sent_behind) {
    peer target(plain_config());
    target.window = 3;
    target.start_session();
    target.expect_event<logged_in>();
    buffer room(100);
    std::vector<task_id> tags;
    for (int i = 0; i < 6; ++i)
        tags.push_back(target.session_under_test.submit(read_command(room), target.now).value());
    EXPECT_EQ(target.hear().size(), 3U);
    ASSERT_TRUE(target.say(data_at(tags[0], 0, 0), pattern(50)));
    target.lose_transport();
    target.window = 64;
    come_back(target);
    for (const auto tag : tags)
        EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, tag);
    ASSERT_TRUE(target.say(last_data_at(tags[0], 0, 0), pattern(100, 9))); // from the beginning
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::answered);
    EXPECT_EQ(room, pattern(100, 9));
}

TEST(recovery, sends_a_write_again_from_its_first_byte) {
    logged_in_peer target(without_barrier());
    const auto data = pattern(20'000);
    const auto tag = target.submit(write_command(data));
    target.hear();
    ASSERT_TRUE(target.say(ask(tag, 0, 8192, 11'808)));
    target.hear();
    target.lose_transport();
    come_back(target);
    buffer heard;
    target.hear_one<scsi_command>(&heard);
    EXPECT_EQ(heard.size(), 8192U);
    ASSERT_TRUE(target.say(ask(tag, 0, 8192, 11'808))); // R2TSN begins anew
    for (const auto& each : target.hear())
        heard.insert(heard.end(), each.data.begin(), each.data.end());
    EXPECT_EQ(heard, data);
    ASSERT_TRUE(target.say(answer(tag)));
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::answered);
}

TEST(recovery, holds_new_commands_until_reissued_writes_are_answered) {
    logged_in_peer target(without_barrier());
    const auto data = pattern(100);
    buffer room(100);
    const auto old_write = target.submit(write_command(data));
    const auto old_read = target.submit(read_command(room));
    target.hear();
    target.lose_transport();
    const auto new_write = target.submit(write_command(data));
    come_back(target);
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, old_write);
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, old_read);
    EXPECT_TRUE(target.silent());
    ASSERT_TRUE(target.say(answer(old_write)));
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, new_write);
}

TEST(recovery, keeps_the_hold_when_the_transport_is_lost_again) {
    logged_in_peer target(without_barrier());
    const auto data = pattern(100);
    const auto first = target.submit(write_command(data));
    const auto second = target.submit(write_command(data));
    target.hear();
    target.lose_transport();
    const auto newer = target.submit(write_command(data));
    come_back(target);
    target.hear();
    ASSERT_TRUE(target.say(answer(first)));
    target.lose_transport();
    target.events();
    come_back(target);
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, second);
    EXPECT_TRUE(target.silent());
    ASSERT_TRUE(target.say(answer(second)));
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, newer);
}

TEST(recovery, counts_its_commands_on) {
    auto config = plain_config();
    config.initial_command_sn = 0xffff'ffff;
    logged_in_peer target(config);
    buffer room(4);
    target.submit(read_command(room));
    EXPECT_EQ(target.hear_one<scsi_command>().command_sn, 0xffff'ffffU);
    target.lose_transport();
    target.pass(2s);
    target.connect();
    EXPECT_EQ(target.hear_one<login_request>().command_sn, 0U);
}

// Of two reads (cookies 1 and 2) the first is lost, and the other goes out again.
void expect_only_first_lost(peer& target, task_id second) {
    const auto done = target.expect_event<task_done>();
    EXPECT_EQ(done.cookie, 1U);
    EXPECT_EQ(done.outcome, task_result::lost);
    EXPECT_EQ(done.why_lost, loss_reason::ends_connections);
    EXPECT_GE(done.connections, 3U);
    come_back(target);
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, second);
}

TEST(recovery, does_not_reissue_a_task_that_breaks_every_connection) {
    logged_in_peer target;
    buffer room(100);
    const auto poison = target.submit(read_command(room, 1));
    const auto innocent = target.submit(read_command(room, 2));
    for (int i = 0; i < 3; ++i) {
        target.hear();
        EXPECT_TRUE(target.say(data_at(poison, 7, 0), pattern(10)).has_error());
        EXPECT_TRUE(target.no_event());
        target.lose_transport();
        if (i < 2)
            come_back(target);
    }
    expect_only_first_lost(target, innocent);
}

// A link that breaks everybody's PDUs says nothing about one task.
TEST(recovery, reissues_a_task_that_breaks_connections_between_those_that_others_break) {
    logged_in_peer target(config_that_waits(-1s));
    buffer room(100);
    const std::array tasks{
        target.submit(read_command(room, 1)), target.submit(read_command(room, 2))};
    for (int i = 0; i < 12; ++i) {
        EXPECT_EQ(target.hear().size(), 2U);
        EXPECT_TRUE(target.say(data_at(tasks.at(i % 3 == 2), 7, 0), pattern(10)).has_error());
        EXPECT_TRUE(target.no_event());
        target.lose_transport();
        come_back(target);
    }
    EXPECT_EQ(target.hear().size(), 2U);
}

// The target takes the command and hangs up, each time.
TEST(recovery, ends_a_task_that_no_connection_outlives_after_the_replacement_timeout) {
    logged_in_peer target(config_that_waits(100s));
    buffer room(100);
    target.submit(read_command(room, 1));
    const auto innocent = target.submit(read_command(room, 2));
    target.hear();
    for (int losses = 1; losses < 8; ++losses) { // 30 s each
        target.lose_transport();
        EXPECT_TRUE(target.no_event());
        come_back(target);
        EXPECT_EQ(target.hear().size(), 2U);
    }
    target.lose_transport();
    expect_only_first_lost(target, innocent);
}

TEST(recovery, reissues_a_task_for_ever_with_a_negative_replacement_timeout) {
    logged_in_peer target(config_that_waits(-1s));
    buffer room(100);
    const auto task = target.submit(read_command(room));
    for (int losses = 0; losses < 12; ++losses) {
        target.hear();
        target.lose_transport();
        come_back(target);
    }
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, task);
}

// A long outage is none of its doing.
TEST(recovery, reissues_a_task_that_few_connections_have_lost) {
    logged_in_peer target(config_that_waits(100s));
    buffer room(100);
    const auto task = target.submit(read_command(room));
    for (int i = 0; i < 7; ++i) {
        target.hear();
        target.lose_transport();
        target.pass(60s);
        come_back(target);
    }
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, task);
}

// ---- giving up --------------------------------------------------------------------------------

TEST(recovery, gives_up_after_the_replacement_timeout_and_works_again_after_a_login) {
    logged_in_peer target(config_that_waits(10s));
    buffer room(100);
    target.submit(read_command(room, 1));
    target.hear();
    target.lose_transport();
    target.submit(read_command(room, 2));
    target.pass(9999ms);
    const auto before = target.events();
    ASSERT_EQ(before.size(), 1U);
    EXPECT_TRUE(std::holds_alternative<want_transport>(before[0]));
    target.pass(1ms);
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::lost);
    EXPECT_EQ(target.expect_event<task_done>().why_lost, loss_reason::not_back);
    target.expect_event<gave_up>();

    target.submit(read_command(room, 3));
    const auto done = target.expect_event<task_done>();
    EXPECT_EQ(done.cookie, 3U);
    EXPECT_EQ(done.outcome, task_result::lost);
    EXPECT_EQ(done.why_lost, loss_reason::not_back);

    target.session_under_test.connect_failed(cable_pulled(), target.now);
    target.expect_event<login_failed>();
    come_back(target);
    EXPECT_TRUE(target.silent());
    const auto tag = target.submit(read_command(room));
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, tag);
}

TEST(recovery, gives_up_at_once_without_a_replacement_timeout) {
    logged_in_peer target(config_that_waits(0s));
    buffer room(100);
    target.submit(read_command(room));
    target.hear();
    target.lose_transport();
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::lost);
    target.expect_event<gave_up>();
    come_back(target);
}

TEST(recovery, never_gives_up_with_a_negative_replacement_timeout) {
    logged_in_peer target(config_that_waits(-1s));
    target.lose_transport();
    target.pass(std::chrono::hours(100));
    target.expect_event<want_transport>();
    EXPECT_TRUE(target.no_event());
}

TEST(recovery, counts_the_replacement_timeout_from_the_first_loss) {
    logged_in_peer target(config_that_waits(10s));
    target.lose_transport();
    target.pass(2s);
    target.connect();
    target.lose_transport(); // in login
    EXPECT_EQ(target.expect_event<login_failed>().verdict, login_verdict::retry);
    target.pass(8s);
    target.expect_event<want_transport>();
    target.expect_event<gave_up>();
}

// ---- logins that fail -------------------------------------------------------------------------

TEST(login_failure, is_judged_by_class_and_detail) {
    struct example {
        std::uint8_t status_class;
        std::uint8_t detail;
        login_verdict verdict;
    };

    for (const auto& each : std::initializer_list<example>{
             {2, 0, login_verdict::fatal},
             {2, 1, login_verdict::authentication},
             {2, 2, login_verdict::authentication},
             {2, 3, login_verdict::fatal},
             {3, 1, login_verdict::retry},
             {9, 9, login_verdict::fatal},
         }) {
        peer target(plain_config());
        target.session_under_test.start(target.now);
        target.connect();
        refuse_login(target, each.status_class, each.detail);
        const auto failed = target.expect_event<login_failed>();
        EXPECT_EQ(failed.verdict, each.verdict) << int(each.status_class) << int(each.detail);
        EXPECT_EQ(failed.status_class, each.status_class);
        EXPECT_EQ(failed.status_detail, each.detail);
        target.expect_event<want_close>();
        target.lose_transport();
        target.pass(10s);
        if (each.verdict == login_verdict::retry)
            target.expect_event<want_transport>();
        EXPECT_TRUE(target.no_event());
    }
}

TEST(login_failure, is_never_final_for_a_session_that_was_in) {
    logged_in_peer target;
    target.lose_transport();
    target.pass(2s);
    target.connect();
    refuse_login(target, 2, 3); // a target that restarts may not know itself yet
    EXPECT_EQ(target.expect_event<login_failed>().verdict, login_verdict::fatal);
    target.expect_event<want_close>();
    target.lose_transport();
    come_back(target);
}

TEST(login_failure, comes_when_the_time_is_over) {
    peer target(plain_config());
    target.session_under_test.start(target.now);
    target.connect();
    target.hear();
    target.pass(15s);
    const auto failed = target.expect_event<login_failed>();
    EXPECT_EQ(failed.verdict, login_verdict::retry);
    EXPECT_EQ(failed.why.code, code(session_errc::login_timeout));
    EXPECT_EQ(target.expect_event<want_close>().why.code, code(session_errc::login_timeout));
    target.lose_transport();
    EXPECT_TRUE(target.no_event());
    target.pass(2s);
    target.expect_event<want_transport>();
}

TEST(login_failure, lets_a_refused_session_be_started_again) {
    peer target(plain_config());
    target.session_under_test.start(target.now);
    target.connect();
    refuse_login(target, 2, 1);
    target.events();
    target.lose_transport();
    EXPECT_EQ(target.session_under_test.connection(), connection_state::free);
    target.start_session();
    EXPECT_FALSE(target.expect_event<logged_in>().again);
}

TEST(login_failure, comes_with_pdus_of_another_phase) {
    for (const target_pdu& pdu : {target_pdu{data_in{}}, target_pdu{nop_in{}}}) {
        peer target(plain_config());
        target.session_under_test.start(target.now);
        target.connect();
        target.hear();
        const auto refused = target.say_as_is(pdu);
        ASSERT_TRUE(refused.has_error());
        EXPECT_EQ(refused.error().code, code(session_errc::unexpected_pdu));
        target.lose_transport();
        const auto failed = target.expect_event<login_failed>();
        EXPECT_EQ(failed.verdict, login_verdict::fatal);
        EXPECT_EQ(failed.why.code, code(session_errc::unexpected_pdu));
        target.pass(60s);
        EXPECT_TRUE(target.no_event()) << "it would do so again";
    }
}

// ---- redirects --------------------------------------------------------------------------------

void redirect(peer& target, const std::string& to) {
    const auto request = target.hear_one<login_request>();
    login_response response;
    response.isid = request.isid;
    response.initiator_task_tag = request.initiator_task_tag;
    response.status_class = 1;
    response.status_detail = 1;
    buffer data;
    for (const char c : "TargetAddress=" + to)
        data.push_back(static_cast<std::byte>(c));
    data.push_back(std::byte{0});
    target.say_as_is(response, data).value();
}

TEST(redirect, leads_to_another_address_for_one_attempt) {
    peer target(plain_config());
    target.session_under_test.start(target.now);
    target.connect();
    redirect(target, "[fe80::1]:3261,1");
    target.expect_event<want_close>();
    target.lose_transport();
    const auto wish = target.expect_event<want_transport>();
    ASSERT_TRUE(wish.redirect);
    EXPECT_EQ(wish.redirect->host, "fe80::1");
    EXPECT_EQ(wish.redirect->port, 3261);
    EXPECT_FALSE(wish.redirect_is_permanent);
    target.session_under_test.connect_failed(cable_pulled(), target.now);
    target.expect_event<login_failed>();
    target.pass(10s);
    EXPECT_FALSE(target.expect_event<want_transport>().redirect);
}

TEST(redirect, does_not_go_round_for_ever) {
    peer target(plain_config());
    target.session_under_test.start(target.now);
    for (int hop = 0; hop < 8; ++hop) {
        target.connect();
        redirect(target, "10.0.0.1:3260,1");
        target.expect_event<want_close>();
        target.lose_transport();
    }
    target.connect();
    redirect(target, "10.0.0.1:3260,1");
    EXPECT_EQ(target.expect_event<login_failed>().why.code, code(session_errc::too_many_redirects));
}

} // namespace
} // namespace iscsi::test
