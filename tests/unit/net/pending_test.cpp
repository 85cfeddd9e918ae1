#include "tests/unit/net/run.hpp"

#include "libiscsi/net/pending.hpp"

#include <boost/asio/thread_pool.hpp>
#include <gtest/gtest.h>

#include <future>
#include <memory>

namespace {

using namespace iscsi;
using namespace std::chrono_literals;

struct pending_answer : testing::Test {
    boost::asio::io_context context;
    boost::asio::thread_pool workers{1};
};

TEST_F(pending_answer, comes_from_another_thread) {
    const auto got = test::run(
        context,
        net::run_blocking(
            workers.get_executor(), [] { return std::make_unique<int>(7); }, 10s
        )
    );
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(**got, 7);
}

TEST_F(pending_answer, that_came_before_the_wait_is_not_lost) {
    net::pending<int> number(context.get_executor());
    number.answer()(5);
    context.run();
    EXPECT_TRUE(number.is_there());
    EXPECT_EQ(test::run(context, number.wait(10s)), 5);
}

TEST_F(pending_answer, may_be_waited_for_twice) {
    net::pending<int> number(context.get_executor());
    EXPECT_EQ(test::run(context, number.wait(1ms)), std::nullopt);
    number.answer()(5);
    EXPECT_EQ(test::run(context, number.wait(10s)), 5);
}

TEST_F(pending_answer, that_nobody_waits_for_is_thrown_away) {
    std::function<void(int)> answer;
    {
        const net::pending<int> number(context.get_executor());
        answer = number.answer();
    }
    answer(5);
    EXPECT_EQ(context.run(), 1U);
}

} // namespace
