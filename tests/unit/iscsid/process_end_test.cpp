#include "iscsid/process_end.hpp"

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <future>

namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

TEST(ends_within, waits_for_no_thread_that_hangs) {
    asio::thread_pool idle(2);
    EXPECT_TRUE(iscsid::ends_within(idle, 10s));

    // Outlives the thread that goes on waiting for it.
    static auto* const busy = new asio::thread_pool(1);
    static std::promise<void> begun;
    static std::promise<void> goes_on;
    asio::post(*busy, [] {
        begun.set_value();
        goes_on.get_future().wait();
    });
    begun.get_future().wait();
    EXPECT_FALSE(iscsid::ends_within(*busy, 1ms));
    goes_on.set_value();
}

} // namespace
