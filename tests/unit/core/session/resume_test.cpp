#include "tests/unit/core/session/said.hpp"

#include "libiscsi/core/login/login.hpp"

#include <gtest/gtest.h>

// A session that goes on where another one with its ISID ended without a Logout.
namespace iscsi::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t complete = 0; // §11.6.1
constexpr std::uint8_t lun_does_not_exist = 2;

lun_field unit(unsigned number) {
    lun_field lun{};
    lun[1] = static_cast<std::byte>(number);
    return lun;
}

fault refused() {
    return {{}, "transport", "refused", {}};
}

struct resumed_peer : peer {
    explicit resumed_peer(
        const std::vector<lun_field>& units = {},
        barrier_policy policy = barrier_policy::automatic,
        duration replacement = 120s
    )
        : peer(config_with(policy, replacement)) {
        session_under_test.resume(units, now);
    }

    static session_config config_with(barrier_policy policy, duration replacement) {
        auto config = plain_config();
        config.isid = {std::byte{0x80}, std::byte{1}, std::byte{2}};
        config.replay_barrier = policy;
        config.timeouts.replacement = replacement;
        config.timeouts.noop_out_interval = 0s;
        return config;
    }

    task_id submit(const command& what) { return session_under_test.submit(what, now).value(); }

    void fail_to_connect() {
        expect_event<want_transport>();
        session_under_test.connect_failed(refused(), now);
        EXPECT_EQ(expect_event<login_failed>().verdict, login_verdict::retry);
    }

    void come_back() {
        connect();
        log_in();
        EXPECT_TRUE(expect_event<logged_in>().again);
    }

    void refuse_login(std::uint8_t status_class, std::uint8_t detail) {
        connect();
        const auto request = hear_one<login_request>();
        login_response response;
        response.isid = request.isid;
        response.initiator_task_tag = request.initiator_task_tag;
        response.status_class = status_class;
        response.status_detail = detail;
        say_as_is(response).value();
        expect_event<login_failed>();
        expect_event<want_close>();
        lose_transport();
    }

    task_id read_of(unsigned number) {
        auto what = read_command(room);
        what.lun = unit(number);
        return submit(what);
    }

    // The LUN RESETs that are out, and commands of units that need none.
    std::vector<task_management_request> resets() {
        std::vector<task_management_request> all;
        for (const auto& each : hear()) {
            if (const auto* command = std::get_if<scsi_command>(&each.pdu)) {
                commands.push_back(command->initiator_task_tag);
                continue;
            }
            all.push_back(std::get<task_management_request>(each.pdu));
            EXPECT_EQ(all.back().function, task_management_function::logical_unit_reset);
        }
        return all;
    }

    void conclude(const task_management_request& request, std::uint8_t response = complete) {
        task_management_response pdu;
        pdu.initiator_task_tag = request.initiator_task_tag;
        pdu.response = response;
        ASSERT_TRUE(say(pdu));
    }

    buffer room = buffer(100);
    std::vector<task_id> commands;
};

// ---- the way back -----------------------------------------------------------------------------

TEST(resume, wants_a_transport_at_once) {
    resumed_peer target({unit(0)});
    EXPECT_FALSE(target.expect_event<want_transport>().redirect);
    EXPECT_TRUE(target.no_event());
    EXPECT_EQ(target.session_under_test.connection(), connection_state::transport_wait);
    EXPECT_EQ(target.session_under_test.state(), session_state::failed);
}

TEST(resume, reinstates_the_session_of_its_isid) {
    resumed_peer target;
    target.connect();
    const auto request = target.hear_one<login_request>();
    EXPECT_EQ(request.isid, target.session_under_test.config().isid);
    EXPECT_EQ(request.target_session_identifying_handle, 0U);
}

TEST(resume, is_a_login_again) {
    resumed_peer target;
    target.come_back();
    EXPECT_EQ(target.session_under_test.state(), session_state::logged_in);
    EXPECT_TRUE(target.no_event());
}

TEST(resume, tries_again_at_the_pace_of_a_loss) {
    resumed_peer target;
    for (const auto pause : {2s, 2s, 3s, 3s}) {
        target.fail_to_connect();
        target.pass(pause - 1ms);
        EXPECT_TRUE(target.no_event()) << pause.count();
        target.pass(1ms);
    }
    target.come_back();
}

// The first login of a session would end for good.
TEST(resume, tries_again_whatever_the_target_says) {
    for (const auto& [status_class, detail] :
         {std::pair<std::uint8_t, std::uint8_t>{2, 0}, {2, 1}, {2, 2}, {2, 3}, {3, 1}}) {
        resumed_peer target;
        target.refuse_login(status_class, detail);
        target.pass(2s);
        target.come_back();
    }
}

TEST(resume, tries_again_after_a_login_without_an_answer) {
    resumed_peer target;
    target.connect();
    target.pass(15s);
    EXPECT_EQ(target.expect_event<login_failed>().verdict, login_verdict::retry);
    target.expect_event<want_close>();
    target.lose_transport();
    target.pass(2s);
    target.come_back();
}

TEST(resume, ends_at_once_when_nobody_wants_it_any_more) {
    resumed_peer target({unit(0)});
    target.expect_event<want_transport>();
    target.submit(read_command(target.room));
    target.session_under_test.logout(target.now);
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::lost);
    EXPECT_FALSE(target.expect_event<logged_out>().clean);
}

// ---- commands that cannot wait for it ---------------------------------------------------------

TEST(resume, lets_commands_wait_for_the_login) {
    resumed_peer target;
    std::vector<task_id> tags{target.submit(read_command(target.room))};
    target.connect();
    tags.push_back(target.submit(read_command(target.room)));
    target.log_in();
    EXPECT_TRUE(target.expect_event<logged_in>().again);
    tags.push_back(target.submit(read_command(target.room)));
    for (const auto tag : tags)
        EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, tag);
    ASSERT_TRUE(target.say(last_data_at(tags[0], 0, 0), pattern(100)));
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::answered);
    EXPECT_EQ(target.room, pattern(100));
}

TEST(resume, gives_up_after_the_replacement_timeout) {
    resumed_peer target({}, barrier_policy::automatic, 10s);
    target.submit(read_command(target.room, 5));
    target.expect_event<want_transport>();
    target.pass(9999ms);
    EXPECT_TRUE(target.no_event());
    target.pass(1ms);
    const auto done = target.expect_event<task_done>();
    EXPECT_EQ(done.cookie, 5U);
    EXPECT_EQ(done.outcome, task_result::lost);
    target.expect_event<gave_up>();

    target.submit(read_command(target.room));
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::lost);
    target.session_under_test.transport_up(target.now);
    target.log_in();
    EXPECT_TRUE(target.expect_event<logged_in>().again);
    const auto tag = target.submit(read_command(target.room));
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, tag);
    target.pass(20s);
    EXPECT_TRUE(target.no_event());
}

TEST(resume, counts_the_replacement_timeout_from_its_start) {
    resumed_peer target({}, barrier_policy::automatic, 10s);
    target.pass(3s);
    target.fail_to_connect();
    target.pass(2s);
    target.refuse_login(3, 1);
    target.pass(4999ms);
    target.expect_event<want_transport>();
    EXPECT_TRUE(target.no_event());
    target.pass(1ms);
    target.expect_event<gave_up>();
}

TEST(resume, gives_up_at_once_without_a_replacement_timeout) {
    resumed_peer target({unit(0)}, barrier_policy::automatic, 0s);
    const auto first = target.events();
    ASSERT_EQ(first.size(), 2U);
    EXPECT_TRUE(std::holds_alternative<want_transport>(first[0]));
    EXPECT_TRUE(std::holds_alternative<gave_up>(first[1]));
    target.submit(read_command(target.room));
    EXPECT_EQ(target.expect_event<task_done>().outcome, task_result::lost);
}

TEST(resume, never_gives_up_with_a_negative_replacement_timeout) {
    resumed_peer target({}, barrier_policy::automatic, -1s);
    target.expect_event<want_transport>();
    target.pass(std::chrono::hours(100));
    EXPECT_TRUE(target.no_event());
}

TEST(resume, counts_anew_after_a_later_loss) {
    resumed_peer target({}, barrier_policy::automatic, 10s);
    target.pass(9s);
    target.come_back();
    target.lose_transport();
    target.pass(9s);
    target.expect_event<want_transport>();
    EXPECT_TRUE(target.no_event());
    target.pass(1s);
    target.expect_event<gave_up>();
}

// ---- writes that the other session may have left behind ---------------------------------------

TEST(resume, resets_its_units_before_any_command) {
    for (const auto policy : {barrier_policy::automatic, barrier_policy::lu_reset}) {
        resumed_peer target({unit(0), unit(3), unit(3)}, policy);
        const auto tag = target.submit(read_command(target.room));
        target.come_back();
        const auto resets = target.resets();
        ASSERT_EQ(resets.size(), 2U);
        EXPECT_EQ(resets[0].lun, unit(0));
        EXPECT_EQ(resets[1].lun, unit(3));
        target.conclude(resets[1]);
        EXPECT_TRUE(target.silent());
        target.conclude(resets[0]);
        EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, tag);
    }
}

TEST(resume, resets_only_what_it_was_told_of) {
    resumed_peer target({}, barrier_policy::lu_reset);
    const auto tag = target.submit(write_command(target.room));
    target.come_back();
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, tag);
}

TEST(resume, resets_many_units_in_turns) {
    constexpr unsigned count = 20; // more than are asked for at a time
    std::vector<lun_field> units;
    for (unsigned i = 0; i < count; ++i)
        units.push_back(unit(i));
    resumed_peer target(units);
    const auto tag = target.submit(read_command(target.room));
    target.come_back();
    std::vector<lun_field> heard;
    for (auto due = target.resets(); !due.empty() && heard.size() < count;) {
        for (const auto& each : due) {
            heard.push_back(each.lun);
            target.conclude(each);
        }
        due = heard.size() < count ? target.resets() : due;
    }
    EXPECT_EQ(heard, units);
    EXPECT_EQ(target.commands, std::vector<task_id>{tag}) << "when the reset of its unit was over";
}

TEST(resume, does_not_reset_trusted_units_when_automatic) {
    resumed_peer target({unit(0), unit(1)});
    target.session_under_test.trust_reinstatement(unit(1));
    target.submit(read_command(target.room));
    target.come_back();
    const auto resets = target.resets();
    ASSERT_EQ(resets.size(), 1U);
    EXPECT_EQ(resets[0].lun, unit(0));

    resumed_peer trusting({unit(1)});
    trusting.session_under_test.trust_reinstatement(unit(1));
    const auto tag = trusting.submit(read_command(trusting.room));
    trusting.come_back();
    EXPECT_EQ(trusting.hear_one<scsi_command>().initiator_task_tag, tag);
}

TEST(resume, resets_trusted_units_too_when_told_so) {
    resumed_peer target({unit(1)}, barrier_policy::lu_reset);
    target.session_under_test.trust_reinstatement(unit(1));
    target.submit(read_command(target.room));
    target.come_back();
    EXPECT_EQ(target.resets().size(), 1U);
}

TEST(resume, resets_nothing_without_a_barrier) {
    resumed_peer target({unit(0), unit(1)}, barrier_policy::none);
    const auto tag = target.submit(read_command(target.room));
    target.come_back();
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, tag);
}

TEST(resume, keeps_the_barrier_over_failed_logins_and_lost_connections) {
    resumed_peer target({unit(2)}, barrier_policy::automatic, 5s);
    target.fail_to_connect();
    target.pass(5s); // and over the end of the replacement timeout
    target.expect_event<want_transport>();
    target.expect_event<gave_up>();
    target.session_under_test.transport_up(target.now);
    target.log_in();
    target.expect_event<logged_in>();
    EXPECT_EQ(target.resets().size(), 1U);
    target.lose_transport();
    target.pass(2s);
    const auto tag = target.read_of(2);
    target.come_back();
    const auto again = target.resets();
    ASSERT_EQ(again.size(), 1U);
    target.conclude(again[0]);
    EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, tag);
}

TEST(resume, is_not_stopped_by_a_unit_that_is_gone) {
    for (const auto policy : {barrier_policy::automatic, barrier_policy::lu_reset}) {
        resumed_peer target({unit(2)}, policy);
        const auto tag = target.read_of(2);
        target.come_back();
        const auto resets = target.resets();
        ASSERT_EQ(resets.size(), 1U);
        target.conclude(resets[0], lun_does_not_exist);
        EXPECT_EQ(target.hear_one<scsi_command>().initiator_task_tag, tag);
    }
}

} // namespace
} // namespace iscsi::test
