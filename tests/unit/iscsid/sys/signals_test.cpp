#include "iscsid/sys/signals.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <csignal>

namespace {

using namespace iscsid::sys;

TEST(signals, each_calls_its_function_again_and_again) {
    boost::asio::io_context context;
    int stops = 0;
    int reloads = 0;
    const signals all(
        context.get_executor(), [&] { ++stops; }, [&] { ++reloads; }
    );
    const auto expect = [&](int signal, int expected_stops, int expected_reloads) {
        ASSERT_EQ(std::raise(signal), 0);
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (stops + reloads < expected_stops + expected_reloads &&
               std::chrono::steady_clock::now() < end)
            context.run_one_for(std::chrono::milliseconds(100));
        EXPECT_EQ(stops, expected_stops);
        EXPECT_EQ(reloads, expected_reloads);
    };
    expect(SIGHUP, 0, 1);
    expect(SIGHUP, 0, 2);
    expect(SIGTERM, 1, 2);
    expect(SIGINT, 2, 2);
}

TEST(signals, hang_up_and_broken_pipe_are_not_the_end_before) {
    signals::ignore_early();
    EXPECT_EQ(std::raise(SIGHUP), 0);
    EXPECT_EQ(std::raise(SIGPIPE), 0);
}

} // namespace
