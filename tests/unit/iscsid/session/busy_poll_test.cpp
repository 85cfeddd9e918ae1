#include "tests/unit/iscsid/session/captured_log.hpp"
#include "tests/unit/iscsid/session/manager_world.hpp"

#include "iscsid/session/busy_poll.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <fstream>

namespace iscsid::session {
namespace {

// A TCP socket that is not connected, which may need a privilege to be polled.
class polled_socket {
  public:
    polled_socket() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}

    ~polled_socket() { ::close(socket_); }

    polled_socket(const polled_socket&) = delete;
    polled_socket& operator=(const polled_socket&) = delete;

    int number() const { return socket_; }

    int option(int name) const {
        int value = -1;
        socklen_t size = sizeof value;
        EXPECT_EQ(::getsockopt(socket_, SOL_SOCKET, name, &value, &size), 0);
        return value;
    }

    // By a socket of its own.
    static bool may_be_polled() {
        const polled_socket other;
        const int little = 1;
        return ::setsockopt(other.number(), SOL_SOCKET, SO_BUSY_POLL, &little, sizeof little) == 0;
    }

  private:
    int socket_;
};

constexpr int not_a_socket = -1;

TEST(busy_polling, sets_what_it_was_told) {
    if (!polled_socket::may_be_polled())
        GTEST_SKIP() << "SO_BUSY_POLL needs CAP_NET_ADMIN";
    busy_poll polls;
    polls.use(50);
    const polled_socket socket;
    polls.apply(socket.number());
    EXPECT_EQ(socket.option(SO_BUSY_POLL), 50);
    EXPECT_EQ(socket.option(69), 1); // SO_PREFER_BUSY_POLL
}

TEST(busy_polling, nothing_wanted_leaves_sockets_alone) {
    const captured_log log;
    busy_poll polls;
    const polled_socket socket;
    const int before = socket.option(SO_BUSY_POLL);
    polls.apply(socket.number());
    EXPECT_EQ(socket.option(SO_BUSY_POLL), before);
    polls.apply(not_a_socket);
    EXPECT_FALSE(log.has("SO_BUSY_POLL"));
}

TEST(busy_polling, a_refusal_is_told_once_for_each_value) {
    const captured_log log;
    busy_poll polls;
    polls.use(50);
    polls.apply(not_a_socket);
    polls.apply(not_a_socket);
    EXPECT_EQ(log.count("iscsid.busy_poll = 50 has no effect"), 1U);
    EXPECT_TRUE(log.has("Bad file descriptor"));
    polls.use(50); // read again, and the same
    polls.apply(not_a_socket);
    EXPECT_EQ(log.count("has no effect"), 1U);
    polls.use(60);
    polls.apply(not_a_socket);
    EXPECT_EQ(log.count("iscsid.busy_poll = 60 has no effect"), 1U);
}

struct polled_sessions : manager_world {
    void write_settings(const std::string& text) {
        std::ofstream(folder / "iscsid.conf") << text;
        settings.config = admin::config::load(folder / "iscsid.conf");
    }
};

// A session that is there connects again with what the settings say by then.
TEST_F(polled_sessions, a_reload_is_for_sessions_that_are_there_too) {
    if (!polled_socket::may_be_polled())
        GTEST_SKIP() << "SO_BUSY_POLL needs CAP_NET_ADMIN";
    const auto plan = all().plans().plan_login(*record_of(), 0);
    ASSERT_TRUE(plan.has_value());
    ASSERT_NE(plan->polls, nullptr);
    write_settings("iscsid.busy_poll = 70\n");
    all().use(settings);
    const polled_socket socket;
    plan->polls->apply(socket.number());
    EXPECT_EQ(socket.option(SO_BUSY_POLL), 70);
}

} // namespace
} // namespace iscsid::session
