#include "iscsid/os/blocked_signals.hpp"

#include <gtest/gtest.h>

#include <pthread.h>

#include <thread>

namespace {

using iscsid::os::blocked_signals;

bool is_blocked(int signal) {
    sigset_t now{};
    ::pthread_sigmask(SIG_SETMASK, nullptr, &now);
    return ::sigismember(&now, signal) == 1;
}

TEST(blocked_signals, are_blocked_in_threads_that_start_meanwhile_and_here_only_so_long) {
    ASSERT_FALSE(is_blocked(SIGTERM));
    bool in_thread = false;
    {
        const blocked_signals meanwhile;
        EXPECT_TRUE(is_blocked(SIGTERM));
        std::thread([&in_thread] { in_thread = is_blocked(SIGTERM) && is_blocked(SIGHUP); }).join();
    }
    EXPECT_TRUE(in_thread);
    EXPECT_FALSE(is_blocked(SIGTERM));
}

TEST(blocked_signals, that_were_blocked_before_stay_so) {
    const blocked_signals outer;
    { const blocked_signals inner; }
    EXPECT_TRUE(is_blocked(SIGTERM));
}

} // namespace
