#include "tests/unit/iscsid/session/manager_world.hpp"

#include "iscsid/session/clock.hpp"
#include "iscsid/session/login_keeper.hpp"

namespace iscsid::session {
namespace {

using admin::exit_code;

// A logout whose first disk does not go until the test says so.
struct logout_under_way : manager_world {
    logout_under_way() {
        store(
            node, {{"node.conn[0].timeo.logout_timeout", "30"}} // nothing is given up meanwhile
        );
        driver.on_removal = [held = is_held](std::uint64_t) {
            const auto end = std::chrono::steady_clock::now() + 10s;
            while (*held && std::chrono::steady_clock::now() < end)
                std::this_thread::yield();
        };
        EXPECT_EQ(log_in().code, exit_code::success);
        begin_logout();
        EXPECT_TRUE(until([&] { return all().is_being_left(node); }));
    }

    ~logout_under_way() override { *is_held = false; }

    void begin_logout() {
        asio::co_spawn(context, logout_message(1), [this](auto, auto how) {
            logouts.push_back(how.code);
        });
    }

    asio::awaitable<admin::login_progress> login_after_logout() {
        co_await all().wait_for_logouts(*record_of(), {now()});
        co_return co_await login_message(node);
    }

    void begin_login() {
        asio::co_spawn(context, login_after_logout(), [this](auto, auto how) { login = how; });
    }

    // A worker looks at it until it is joined, which is after this object's own end.
    const std::shared_ptr<std::atomic<bool>> is_held = std::make_shared<std::atomic<bool>>(true);
    std::vector<exit_code> logouts; // that have ended
    std::optional<admin::login_progress> login;
};

TEST_F(logout_under_way, is_joined_by_others) {
    for (int n = 0; n < 4; ++n)
        begin_logout();
    context.poll();
    EXPECT_TRUE(logouts.empty());
    *is_held = false;
    ASSERT_TRUE(until([&] { return logouts.size() == 5; }));
    EXPECT_EQ(logouts, std::vector<exit_code>(5, exit_code::success));
    EXPECT_EQ(lane.logouts.size(), 1U);
}

TEST_F(logout_under_way, that_is_refused_is_refused_to_all) {
    driver.busy = {1};
    begin_logout();
    *is_held = false;
    ASSERT_TRUE(until([&] { return logouts.size() == 2; }));
    EXPECT_EQ(logouts, std::vector<exit_code>(2, exit_code::busy));
    EXPECT_EQ(list()[0].connection_state, "LOGGED IN");
    EXPECT_FALSE(list()[0].logout_pending);
}

TEST_F(logout_under_way, is_shown) {
    const auto sessions = list();
    ASSERT_EQ(sessions.size(), 1U);
    EXPECT_EQ(sessions[0].connection_state, "IN LOGOUT");
    EXPECT_TRUE(sessions[0].logout_pending);
    EXPECT_FALSE(all().has_session(node.target));
}

TEST_F(logout_under_way, is_waited_for_by_a_login) {
    EXPECT_EQ(*logins_to(), 1U);
    begin_login();
    context.poll();
    EXPECT_FALSE(login);
    *is_held = false;
    ASSERT_TRUE(until([&] { return login.has_value(); }));
    EXPECT_EQ(login->code, exit_code::success) << login->detail;
    EXPECT_EQ(login->sid, 2U);
    EXPECT_EQ(plans.at(1).session.isid, plans.at(0).session.isid);
}

TEST_F(logout_under_way, that_is_refused_makes_the_login_15) {
    driver.busy = {1};
    begin_login();
    *is_held = false;
    ASSERT_TRUE(until([&] { return login.has_value(); }));
    EXPECT_EQ(login->code, exit_code::session_exists);
    EXPECT_EQ(all().session_count(), 1U);
}

// 15 would be taken for a session that stays.
TEST_F(logout_under_way, that_outlasts_the_login_is_no_15) {
    const auto begun = all().start_login(*record_of(), {});
    ASSERT_TRUE(begun.has_error());
    EXPECT_EQ(begun.error().code, exit_code::login);
    EXPECT_NE(begun.error().reason.find("logged out"), std::string::npos);
    iscsi::test::run(context, [](manager& of, admin::record to) -> asio::awaitable<bool> {
        co_await of.wait_for_logouts(std::move(to), {now() - 1h}); // whose time is over
        co_return true;
    }(all(), *record_of()));
    EXPECT_TRUE(all().is_being_left(node));
}

TEST_F(logout_under_way, is_waited_for_by_a_kept_login) {
    login_keeper keeper(
        all(), {context.get_executor(), folder / "kept.json", "this boot", [] {}, 1ms}
    );
    EXPECT_TRUE(keeper.keep({record_of()}).front().has_value());
    context.poll();
    EXPECT_EQ(keeper.missing().size(), 1U);
    *is_held = false;
    ASSERT_TRUE(until([&] { return keeper.missing().empty(); }));
    EXPECT_EQ(list().at(0).sid, 2U);
}

} // namespace
} // namespace iscsid::session
