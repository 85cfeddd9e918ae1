#include "iscsid/sys/watchdog.hpp"

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace iscsid::sys {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::IsEmpty;
using testing::Not;

// A service manager that wants a sign every 80 ms, and other threads that the test is.
struct watchdog_test : testing::Test {
    watchdog_test() {
        std::string name = testing::TempDir() + "watchdog.XXXXXX";
        folder = ::mkdtemp(name.data());
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const auto path = (folder / "notify").string();
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        listener = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        EXPECT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
        ::setenv("WATCHDOG_USEC", "80000", 1);
    }

    ~watchdog_test() override {
        for (const auto* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
            ::unsetenv(name);
        ::close(listener);
        std::filesystem::remove_all(folder);
    }

    // What was told since the last time.
    std::vector<std::string> told() {
        std::vector<std::string> all;
        std::array<char, 4096> room{};
        for (;;) {
            const auto length = ::recv(listener, room.data(), room.size(), 0);
            if (length < 0)
                return all;
            all.emplace_back(room.data(), static_cast<std::size_t>(length));
        }
    }

    void run_for(std::chrono::milliseconds time) {
        context.restart();
        context.run_for(time);
    }

    // Until so many questions have been asked, with a bound.
    bool asked(std::size_t times) {
        const auto end = std::chrono::steady_clock::now() + 10s;
        while (questions.size() < times && std::chrono::steady_clock::now() < end) {
            run_for(5ms);
        }
        return questions.size() >= times;
    }

    void answer() {
        for (std::size_t i = 0; i < 2; ++i)
            questions.back()();
    }

    std::filesystem::path folder;
    int listener = -1;
    boost::asio::io_context context;
    std::vector<std::function<void()>> questions;
    bool may_be_ended = true;
    watchdog dog{
        context.get_executor(),
        {[this](std::function<void()> answered) {
             questions.push_back(std::move(answered));
             return std::size_t{2};
         },
         [this] { return may_be_ended; }}};
};

TEST_F(watchdog_test, gives_a_sign_when_all_threads_have_answered) {
    dog.start();
    ASSERT_TRUE(asked(1));
    for (std::size_t round = 2; round < 6; ++round) {
        told();
        answer();
        ASSERT_TRUE(asked(round));
        EXPECT_THAT(told(), Contains("WATCHDOG=1"));
    }
}

TEST_F(watchdog_test, gives_none_while_one_thread_stands_still) {
    dog.start();
    ASSERT_TRUE(asked(1));
    told();
    questions.back()(); // one of two
    run_for(200ms);
    EXPECT_THAT(told(), IsEmpty());
    EXPECT_EQ(questions.size(), 1U) << "it is asked once";
    questions.back()();
    ASSERT_TRUE(asked(2));
    EXPECT_THAT(told(), Contains("WATCHDOG=1"));
}

TEST_F(watchdog_test, is_off_while_something_would_end_with_the_process) {
    may_be_ended = false;
    dog.start();
    ASSERT_TRUE(asked(1));
    EXPECT_THAT(told(), Contains("WATCHDOG_USEC=0"));
    answer();
    ASSERT_TRUE(asked(2));
    EXPECT_THAT(told(), Not(Contains("WATCHDOG_USEC=0"))) << "told again";
    may_be_ended = true;
    answer();
    ASSERT_TRUE(asked(3));
    EXPECT_THAT(told(), Contains("WATCHDOG_USEC=80000"));
}

TEST_F(watchdog_test, does_nothing_where_nobody_wants_signs) {
    ::setenv("WATCHDOG_PID", std::to_string(::getppid()).c_str(), 1);
    dog.start();
    run_for(200ms);
    EXPECT_THAT(told(), IsEmpty());
    EXPECT_THAT(questions, IsEmpty());
}

} // namespace
} // namespace iscsid::sys
