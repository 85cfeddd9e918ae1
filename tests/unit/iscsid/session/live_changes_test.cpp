#include "tests/unit/iscsid/session/manager_world.hpp"

#include "iscsid/session/live_changes.hpp"

namespace iscsid::session {
namespace {

// Every key that a running session takes, with a value that is no default.
const admin::key_values all_of_now{
    {"node.session.timeo.replacement_timeout", "77"},
    {"node.session.err_timeo.abort_timeout", "78"},
    {"node.session.err_timeo.lu_reset_timeout", "79"},
    {"node.session.err_timeo.tgt_reset_timeout", "80"},
    {"node.conn[0].timeo.login_timeout", "81"},
    {"node.conn[0].timeo.logout_timeout", "82"},
    {"node.conn[0].timeo.noop_out_interval", "83"},
    {"node.conn[0].timeo.noop_out_timeout", "84"},
    {"node.session.queue_depth", "85"},
    {"node.session.iscsi.FastAbort", "No"},
    {"node.session.reopen_max", "86"}};
const admin::key_values all_of_logins{
    {"node.session.auth.username", "user"},
    {"node.session.auth.password", "long-secret-of-user"},
    {"node.session.auth.username_in", "target"},
    {"node.session.auth.password_in", "long-secret-of-target"},
    {"node.session.auth.chap_algs", "SHA256"}};

std::vector<std::string> keys_of(const admin::key_values& values) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : values)
        keys.push_back(key);
    return keys;
}

struct live_changes : manager_world {
    static login_plan plan_with(const admin::key_values& values) {
        admin::record record(admin::record_kind::node);
        EXPECT_TRUE(record.set("node.name", node.target));
        for (const auto& [key, value] : values)
            EXPECT_TRUE(record.set(key, value)) << key;
        auto plan = plan_login(record, {"iqn.2026-01.org.example:host", "host"}, 0);
        EXPECT_TRUE(plan) << plan.error().text();
        return *std::move(plan);
    }

    change_result change(const std::vector<std::string>& keys) {
        auto how = all().find(1)->change(all().plans(), record_of(), keys);
        EXPECT_TRUE(how) << how.error().reason;
        return how ? *std::move(how) : change_result();
    }
};

TEST_F(live_changes, take_over_timeouts_and_depth) {
    auto plan = plan_with({});
    const auto keys = keys_of(all_of_now);
    const auto how = take_over(keys, plan_with(all_of_now), plan);
    EXPECT_EQ(how.now, keys);
    EXPECT_TRUE(how.at_login.empty() && how.later.empty());
    const auto& to = plan.session.timeouts;
    EXPECT_EQ(to.replacement, 77s);
    EXPECT_EQ(to.abort, 78s);
    EXPECT_EQ(to.lu_reset, 79s);
    EXPECT_EQ(to.target_reset, 80s);
    EXPECT_EQ(to.login, 81s);
    EXPECT_EQ(to.logout, 82s);
    EXPECT_EQ(to.noop_out_interval, 83s);
    EXPECT_EQ(to.noop_out_timeout, 84s);
    EXPECT_EQ(plan.session.unit_commands_max, 85);
    EXPECT_FALSE(plan.session.fast_abort);
    EXPECT_EQ(plan.reopen_max, 86);
}

TEST_F(live_changes, take_over_chap_for_the_next_login) {
    auto plan = plan_with({});
    const auto keys = keys_of(all_of_logins);
    const auto how = take_over(keys, plan_with(all_of_logins), plan);
    EXPECT_EQ(how.at_login, keys);
    EXPECT_TRUE(how.now.empty() && how.later.empty());
    EXPECT_EQ(plan.session.auth.outgoing.name, "user");
    EXPECT_EQ(plan.session.auth.outgoing.secret, "long-secret-of-user");
    EXPECT_EQ(plan.session.auth.incoming.name, "target");
    EXPECT_EQ(plan.session.auth.incoming.secret, "long-secret-of-target");
    EXPECT_EQ(plan.session.auth.chap_algorithms, std::vector<std::string>{"SHA256"});
}

// What else the record says by now is nobody's wish.
TEST_F(live_changes, take_over_nothing_that_was_not_asked_for) {
    for (const auto& [key, value] : all_of_now) {
        if (key.find("noop") != std::string::npos)
            continue; // these two go together
        const std::vector<std::string> keys{key};
        const auto fresh = plan_with(all_of_now);
        auto one = plan_with({});
        static_cast<void>(take_over(keys, fresh, one));
        const auto only = plan_with({{key, value}});
        EXPECT_EQ(one.session.timeouts.replacement, only.session.timeouts.replacement) << key;
        EXPECT_EQ(one.session.timeouts.abort, only.session.timeouts.abort) << key;
        EXPECT_EQ(one.session.timeouts.logout, only.session.timeouts.logout) << key;
        EXPECT_EQ(one.session.unit_commands_max, only.session.unit_commands_max) << key;
        EXPECT_EQ(one.reopen_max, only.reopen_max) << key;
    }
}

TEST_F(live_changes, leave_to_another_session_what_is_agreed_at_login) {
    auto plan = plan_with({});
    const std::vector<std::string> keys{
        "node.session.cmds_max",
        "node.startup",
        "node.session.iscsi.MaxBurstLength",
        "node.session.auth.authmethod",
        "node.session.nr_sessions",
        "node.conn[0].startup"};
    const auto how = take_over(keys, plan_with({{"node.session.cmds_max", "64"}}), plan);
    EXPECT_EQ(how.later, (std::vector<std::string>{keys[0], keys[2]}));
    EXPECT_TRUE(how.now.empty() && how.at_login.empty());
    EXPECT_EQ(plan.session.commands_max, plan_with({}).session.commands_max);
}

TEST_F(live_changes, reach_the_lane_and_what_is_shown) {
    EXPECT_EQ(log_in().code, admin::exit_code::success);
    store(node, all_of_now);
    EXPECT_EQ(change({"node.session.timeo.replacement_timeout"}).now.size(), 1U);
    ASSERT_EQ(lane.changes.size(), 1U);
    EXPECT_EQ(lane.changes.front().first, 1U);
    EXPECT_EQ(lane.changes.front().second.timeouts.replacement, 77s);
    EXPECT_NE(lane.changes.front().second.unit_commands_max, 85);
    ASSERT_EQ(list().size(), 1U);
    EXPECT_EQ(list().front().recovery_timeout, 77);
}

TEST_F(live_changes, tell_a_lane_nothing_when_there_is_nothing) {
    EXPECT_EQ(log_in().code, admin::exit_code::success);
    EXPECT_TRUE(change({"node.startup", "nonsense"}).later.empty());
    EXPECT_TRUE(lane.changes.empty());
}

TEST_F(live_changes, are_refused_during_the_first_login) {
    hangs = true;
    ASSERT_TRUE(all().start_login(*record_of(), {}, manager::waiting::no));
    const auto how =
        all().find(1)->change(all().plans(), record_of(), {"node.session.queue_depth"});
    EXPECT_EQ(how.error().code, admin::exit_code::session_not_connected);
    EXPECT_TRUE(lane.changes.empty());
}

TEST_F(live_changes, need_the_record) {
    EXPECT_EQ(log_in().code, admin::exit_code::success);
    ASSERT_TRUE(records->remove(node));
    const auto how =
        all().find(1)->change(all().plans(), record_of(), {"node.session.queue_depth"});
    EXPECT_EQ(how.error().code, admin::exit_code::no_objects_found);
}

} // namespace
} // namespace iscsid::session
