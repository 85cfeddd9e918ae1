#include "tests/support/target_server.hpp"
#include "tests/unit/net/run.hpp"

#include "libiscsi/net/connector.hpp"
#include "libiscsi/net/drive.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

namespace {

using namespace iscsi;
using namespace std::chrono_literals;
namespace asio = boost::asio;

struct drive : testing::Test {
    drive() { target.add_disk(0, {}); }

    asio::io_context context;
    test::memory_target target;
    test::target_server server{context, target};

    static instant now() { return std::chrono::steady_clock::now(); }

    session_config config() {
        session_config made;
        made.initiator_name = "iqn.2026-01.org.example:initiator";
        made.target_name = target.options().name;
        made.isid = {std::byte{0x80}, std::byte{1}};
        made.timeouts.login = 5s;
        made.timeouts.logout = 5s;
        return made;
    }

    net::stream connect() {
        net::endpoints where(1, net::endpoint(asio::ip::address_v4::loopback(), server.port()));
        return std::move(test::run(context, net::connect(std::move(where), {})).value().over);
    }

    event next(session& what, net::stream& over) {
        return test::run(context, net::next_event(what, over));
    }

    // The session is told that its transport is there.
    static void begin(session& what) {
        what.start(now());
        const auto wish = what.poll_event();
        ASSERT_TRUE(wish && std::holds_alternative<want_transport>(*wish));
        what.transport_up(now());
    }
};

// The far end of a socket pair, for peers that are not targets.
struct far_end {
    explicit far_end(asio::io_context& context) : near(context), far(context) {
        asio::local::stream_protocol::socket one(context);
        asio::local::connect_pair(one, far);
        one.non_blocking(true);
        near = std::move(one);
    }

    net::stream near;
    asio::local::stream_protocol::socket far;
};

TEST_F(drive, logs_in_and_out) {
    session engine(config());
    auto over = connect();
    begin(engine);
    EXPECT_TRUE(std::holds_alternative<logged_in>(next(engine, over)));
    engine.logout(now());
    const auto end = next(engine, over);
    ASSERT_TRUE(std::holds_alternative<logged_out>(end));
    EXPECT_TRUE(std::get<logged_out>(end).clean);
    EXPECT_TRUE(target.complaints().empty());
}

TEST_F(drive, a_refused_login_is_told) {
    target.options().refuse_login = {2, 1};
    session engine(config());
    auto over = connect();
    begin(engine);
    const auto told = next(engine, over);
    ASSERT_TRUE(std::holds_alternative<login_failed>(told));
    EXPECT_EQ(std::get<login_failed>(told).verdict, login_verdict::authentication);
}

TEST_F(drive, a_closed_peer_fails_the_login) {
    far_end peer(context);
    peer.far.close();
    session engine(config());
    begin(engine);
    const auto told = next(engine, peer.near);
    ASSERT_TRUE(std::holds_alternative<login_failed>(told));
    EXPECT_EQ(std::get<login_failed>(told).verdict, login_verdict::retry);
    EXPECT_FALSE(peer.near.is_open());
}

TEST_F(drive, a_silent_peer_fails_the_login_by_its_deadline) {
    far_end peer(context);
    auto impatient = config();
    impatient.timeouts.login = 50ms;
    session engine(impatient);
    begin(engine);
    const auto told = next(engine, peer.near);
    ASSERT_TRUE(std::holds_alternative<login_failed>(told));
    EXPECT_EQ(std::get<login_failed>(told).why.code, to_error_code(session_errc::login_timeout));
}

TEST_F(drive, a_peer_that_speaks_another_protocol_fails_the_login) {
    far_end peer(context);
    asio::write(peer.far, asio::buffer(std::string(4096, 'H')));
    session engine(config());
    begin(engine);
    EXPECT_TRUE(std::holds_alternative<login_failed>(next(engine, peer.near)));
}

// Between two parties a byte at a time, as the slowest network.
asio::awaitable<void> trickle(net::stream& from, net::stream& to) {
    char byte = 0;
    for (;;) {
        co_await from.async_read_some(asio::buffer(&byte, 1), asio::use_awaitable);
        co_await asio::async_write(to, asio::buffer(&byte, 1), asio::use_awaitable);
    }
}

TEST_F(drive, bytes_may_come_one_at_a_time) {
    far_end peer(context);
    net::stream far(std::move(peer.far));
    auto to_target = connect();
    asio::co_spawn(context, trickle(far, to_target), asio::detached);
    asio::co_spawn(context, trickle(to_target, far), asio::detached);
    session engine(config());
    begin(engine);
    EXPECT_TRUE(std::holds_alternative<logged_in>(next(engine, peer.near)));
}

// A wait that is cancelled again and again loses no byte. (An event may be lost, when the
// cancellation meets it on its way out.)
asio::awaitable<bool> log_in_by_slices(session& what, net::stream& over) {
    using namespace asio::experimental::awaitable_operators;
    asio::steady_timer slice(co_await asio::this_coro::executor);
    while (what.connection() == connection_state::in_login) {
        slice.expires_after(1ms);
        co_await (net::next_event(what, over) || slice.async_wait(asio::use_awaitable));
    }
    co_return what.connection() == connection_state::logged_in;
}

TEST_F(drive, survives_being_cancelled) {
    far_end peer(context);
    net::stream far(std::move(peer.far));
    auto to_target = connect();
    asio::co_spawn(context, trickle(far, to_target), asio::detached);
    asio::co_spawn(context, trickle(to_target, far), asio::detached);
    session engine(config());
    begin(engine);
    EXPECT_TRUE(test::run(context, log_in_by_slices(engine, peer.near)));
    EXPECT_TRUE(target.complaints().empty());
}

// Other work of the thread goes on while a peer floods it.
TEST_F(drive, a_flood_does_not_keep_the_thread) {
    session engine(config());
    auto over = connect();
    begin(engine);
    next(engine, over);
    bool other_work_done = false;
    asio::steady_timer other(context, 20ms);
    other.async_wait([&](auto) {
        other_work_done = true;
        engine.logout(now());
        server.drop_connections();
    });
    asio::steady_timer flood(context);
    const std::function<void()> ping = [&] {
        server.for_each_link([](test::target_link& link) { link.ping(); });
        if (!other_work_done)
            asio::post(context, ping);
    };
    ping();
    const auto told = next(engine, over);
    EXPECT_TRUE(other_work_done);
    EXPECT_FALSE(std::holds_alternative<task_done>(told));
}

} // namespace
