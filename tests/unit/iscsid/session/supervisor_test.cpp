#include "tests/unit/iscsid/session/captured_log.hpp"
#include "tests/unit/iscsid/session/fakes.hpp"
#include "tests/unit/iscsid/session/job_world.hpp"

#include "iscsid/session/busy_poll.hpp"
#include "iscsid/session/supervisor.hpp"

#include <sys/socket.h>

namespace {

using namespace iscsid::session;
using namespace std::chrono_literals;

constexpr iscsid::lane::session_key sid = 4;

struct watched : job_world {
    // A session that has been logged in already.
    void watch(login_plan what) {
        start(std::move(what));
        lane.tell(sid, iscsi::logged_in{});
        ASSERT_TRUE(until([this] { return watcher->is_up(); }));
    }

    void start(login_plan what) { start(std::move(what), server_endpoint()); }

    void start(login_plan what, iscsi::net::endpoint known_peer) {
        supervisor::subject subject;
        subject.sid = sid;
        subject.plan = std::make_shared<login_plan>(std::move(what));
        subject.peer = std::move(known_peer);
        supervisor::listeners to;
        to.logged_in = [this] { ++logins; };
        to.login_failed = [this](const failure& why) { failures.push_back(why); };
        to.over = [this] { ++given_up; };
        to.look_again = [](bool /*list_changed*/) {};
        watcher = std::make_shared<supervisor>(
            std::move(subject), executors{context.get_executor(), resolvers.get_executor()}, to
        );
        watcher->moved_in(lane);
        lane.handlers[sid] = watcher->note_handler();
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
    int logins = 0;
    std::vector<failure> failures;
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

TEST_F(watched, each_new_socket_is_polled_as_the_settings_say) {
    auto how = plan();
    how.polls = std::make_shared<busy_poll>();
    const captured_log log;
    watch(how);
    for (const auto polled : {30, 40}) {
        how.polls->use(static_cast<std::uint32_t>(polled));
        const auto made = lane.transports.size();
        lane.tell(sid, iscsi::want_transport{});
        ASSERT_TRUE(until([&] { return lane.transports.size() > made; }));
        int value = -1;
        socklen_t size = sizeof value;
        const int socket = lane.transports.back().socket;
        ASSERT_EQ(::getsockopt(socket, SOL_SOCKET, SO_BUSY_POLL, &value, &size), 0);
        if (log.has("SO_BUSY_POLL"))
            GTEST_SKIP() << "SO_BUSY_POLL needs CAP_NET_ADMIN";
        EXPECT_EQ(value, polled);
        lane.tell(sid, iscsi::logged_in{true});
    }
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

// ---- the first login --------------------------------------------------------------------------

TEST_F(watched, a_first_login_is_connected_as_every_later_one) {
    start(plan());
    EXPECT_FALSE(watcher->is_up());
    lane.tell(sid, iscsi::want_transport{});
    ASSERT_TRUE(until([&] { return lane.transports.size() == 1; }));
    EXPECT_GE(lane.transports[0].socket, 0);
    lane.tell(sid, iscsi::logged_in{});
    EXPECT_TRUE(until([&] { return logins == 1; }));
    EXPECT_TRUE(failures.empty());
}

TEST_F(watched, a_first_login_hears_of_the_connection_that_failed) {
    start(plan_to(deaf_port()));
    lane.tell(sid, iscsi::want_transport{});
    ASSERT_TRUE(until([&] { return lane.transports.size() == 1; }));
    EXPECT_TRUE(failures.empty()); // the engine decides what comes next
    lane.tell(sid, iscsi::login_failed{iscsi::login_verdict::retry, 0, 0, lane.transports[0].why});
    ASSERT_TRUE(until([&] { return failures.size() == 1; }));
    EXPECT_EQ(failures[0].code, iscsi::admin::exit_code::transport_timeout);
    EXPECT_EQ(failures[0].detail, "Connection refused");
    EXPECT_TRUE(failures[0].may_retry);
}

TEST_F(watched, a_first_login_to_a_name_that_does_not_resolve_is_not_repeated) {
    auto how = plan();
    how.node.address = "no-such-host.invalid";
    start(how, {});
    lane.tell(sid, iscsi::want_transport{});
    ASSERT_TRUE(until([&] { return failures.size() == 1; }));
    EXPECT_EQ(failures[0].code, iscsi::admin::exit_code::transport);
    EXPECT_FALSE(failures[0].may_retry);
    EXPECT_TRUE(lane.transports.empty());
}

// ---- machines with one name -------------------------------------------------------------------

void lose(watched& in, boost::system::error_code how) {
    in.lane.tell(sid, iscsi::logged_in{true});
    in.lane.tell(sid, iscsi::want_close{{how, {}, {}, {}}});
    in.context.restart();
    in.context.poll();
}

constexpr const char* cure = "give each its own InitiatorName";

TEST_F(watched, a_session_that_the_target_ends_after_each_login_is_told_with_the_cure_once) {
    const captured_log log;
    watch(plan());
    const auto closed = iscsi::to_error_code(iscsi::session_errc::target_closed);
    lose(*this, closed);
    lose(*this, closed);
    EXPECT_FALSE(log.has(cure));
    lose(*this, make_error_code(boost::system::errc::connection_reset));
    EXPECT_EQ(log.count(cure), 1U);
    for (int again = 0; again < 20; ++again)
        lose(*this, closed);
    EXPECT_EQ(log.count(cure), 1U);
}

TEST_F(watched, a_session_whose_network_is_bad_is_not_taken_for_that) {
    const captured_log log;
    watch(plan());
    for (int again = 0; again < 20; ++again)
        lose(*this, iscsi::to_error_code(iscsi::session_errc::noop_timeout));
    EXPECT_FALSE(log.has(cure));
}

TEST(reinstatement, is_suspected_of_short_lives_in_a_short_time_only) {
    const iscsi::instant start{};
    const auto told = [start](auto life, auto pause) {
        reinstatement_watch watch;
        int times = 0;
        auto now = start;
        for (int login = 0; login < 5; ++login) {
            watch.logged_in(now);
            now += life;
            times += watch.closed_by_target(now) ? 1 : 0;
            now += pause;
        }
        return times;
    };
    EXPECT_EQ(told(1s, 2s), 1);
    EXPECT_EQ(told(9s, 3s), 1);
    EXPECT_EQ(told(20s, 1s), 0); // an ordinary restart of the target
    EXPECT_EQ(told(1s, 40s), 0);
    reinstatement_watch never;
    EXPECT_FALSE(never.closed_by_target(start));
}

} // namespace
