#include "tests/unit/iscsid/session/fakes.hpp"
#include "tests/unit/iscsid/session/job_world.hpp"

#include "iscsid/session/supervisor.hpp"

namespace {

using namespace iscsid::session;
using namespace std::chrono_literals;

constexpr iscsid::lane::session_key sid = 4;

struct watched : job_world {
    void watch(login_plan what) {
        supervisor::charge charge{sid, std::move(what), {}, {}};
        charge.peer = server_endpoint();
        watcher = std::make_shared<supervisor>(
            std::move(charge),
            executors{context.get_executor(), resolvers.get_executor(), resolvers.get_executor()},
            supervisor::ears{[this] { ++given_up; }, [this](bool /*list_changed*/) { ++looks; }}
        );
        watcher->moved_in(lane);
        lane.ears[sid] = watcher->ear();
    }

    iscsi::net::endpoint server_endpoint() const {
        return {boost::asio::ip::address_v4::loopback(), server.port()};
    }

    template <class Condition>
    bool until(Condition holds) {
        const auto end = std::chrono::steady_clock::now() + 15s;
        while (!holds() && std::chrono::steady_clock::now() < end) {
            context.restart();
            context.run_one_for(20ms);
        }
        return holds();
    }

    fake_lane lane;
    std::shared_ptr<supervisor> watcher;
    int given_up = 0;
    int looks = 0;
};

TEST_F(watched, a_lost_session_gets_a_new_socket) {
    watch(plan());
    EXPECT_EQ(watcher->internal_state(), "NO CHANGE");
    lane.tell(sid, iscsi::want_transport{});
    ASSERT_TRUE(until([&] { return lane.transports.size() == 1; }));
    EXPECT_GE(lane.transports[0].socket, 0);
    EXPECT_EQ(watcher->internal_state(), "REOPEN");
    EXPECT_EQ(watcher->peer(), server_endpoint());
    lane.tell(sid, iscsi::logged_in{true});
    EXPECT_TRUE(until([&] { return watcher->is_up(); }));
}

TEST_F(watched, the_lane_hears_why_there_is_no_socket) {
    watch(plan_to(deaf_port()));
    lane.tell(sid, iscsi::want_transport{});
    ASSERT_TRUE(until([&] { return lane.transports.size() == 1; }));
    EXPECT_EQ(lane.transports[0].socket, -1);
    EXPECT_EQ(lane.transports[0].why.code.message(), "Connection refused");
    EXPECT_EQ(given_up, 0);
}

TEST_F(watched, a_temporary_redirect_is_for_one_time) {
    watch(plan_to(deaf_port()));
    lane.tell(sid, iscsi::want_transport{iscsi::portal{"127.0.0.1", server.port(), {}}, false});
    ASSERT_TRUE(until([&] { return lane.transports.size() == 1; }));
    EXPECT_GE(lane.transports[0].socket, 0);
    lane.tell(sid, iscsi::logged_in{true});
    lane.tell(sid, iscsi::want_transport{});
    ASSERT_TRUE(until([&] { return lane.transports.size() == 2; }));
    EXPECT_EQ(lane.transports[1].socket, -1);
}

TEST_F(watched, a_permanent_redirect_stays) {
    watch(plan_to(deaf_port()));
    lane.tell(sid, iscsi::want_transport{iscsi::portal{"127.0.0.1", server.port(), {}}, true});
    ASSERT_TRUE(until([&] { return lane.transports.size() == 1; }));
    lane.tell(sid, iscsi::logged_in{true});
    lane.tell(sid, iscsi::want_transport{});
    ASSERT_TRUE(until([&] { return lane.transports.size() == 2; }));
    EXPECT_GE(lane.transports[1].socket, 0);
}

TEST_F(watched, the_last_address_serves_when_names_do_not_resolve) {
    auto how = plan();
    how.node.address = "no-such-host.invalid";
    watch(how);
    lane.tell(sid, iscsi::want_transport{});
    ASSERT_TRUE(until([&] { return lane.transports.size() == 1; }));
    EXPECT_GE(lane.transports[0].socket, 0);
}

TEST_F(watched, reopen_max_ends_it_once) {
    auto how = plan_to(deaf_port());
    how.reopen_max = 1;
    watch(how);
    lane.tell(sid, iscsi::want_transport{});
    ASSERT_TRUE(until([&] { return lane.transports.size() == 1; }));
    lane.tell(sid, iscsi::want_transport{});
    ASSERT_TRUE(until([&] { return given_up > 0; }));
    lane.tell(sid, iscsi::want_transport{});
    context.restart();
    context.poll();
    EXPECT_EQ(given_up, 1);
    EXPECT_EQ(watcher->internal_state(), "CLEANUP");
}

TEST_F(watched, a_session_that_ends_by_itself_is_given_up) {
    watch(plan());
    lane.tell(sid, iscsi::logged_out{});
    EXPECT_TRUE(until([&] { return given_up == 1; }));
}

TEST_F(watched, no_connection_is_made_after_stop) {
    watch(plan());
    watcher->stop();
    lane.tell(sid, iscsi::want_transport{});
    lane.tell(sid, iscsi::logged_out{true});
    EXPECT_TRUE(iscsi::test::run(context, watcher->wait_for_logout(5s)));
    EXPECT_TRUE(lane.transports.empty());
    EXPECT_EQ(given_up, 0);
}

TEST_F(watched, the_wait_for_a_logout_has_an_end) {
    watch(plan());
    EXPECT_FALSE(iscsi::test::run(context, watcher->wait_for_logout(10ms)));
}

TEST_F(watched, notes_of_a_session_that_is_gone_are_nothing) {
    watch(plan());
    watcher.reset();
    lane.tell(sid, iscsi::want_transport{});
    context.restart();
    context.poll();
    EXPECT_TRUE(lane.transports.empty());
}

} // namespace
