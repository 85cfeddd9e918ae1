#include "iscsid/session/worker_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace {

using iscsid::session::worker_pool;
using namespace std::chrono_literals;

// Jobs that wait for a target that says nothing.
struct silent_jobs {
    silent_jobs(worker_pool& at, int count) {
        for (int i = 0; i < count; ++i)
            at.post([this] {
                ++waiting;
                over.wait();
            });
    }

    std::promise<void> end;
    std::shared_future<void> over = end.get_future().share();
    std::atomic<int> waiting = 0;
};

TEST(worker_pool, runs_a_job_beside_any_number_of_jobs_that_wait) {
    worker_pool workers(2, 64);
    silent_jobs silent(workers, 10);
    std::promise<void> done;
    workers.post([&] { done.set_value(); });
    EXPECT_EQ(done.get_future().wait_for(20s), std::future_status::ready);
    EXPECT_EQ(workers.size(), 11U);
    silent.end.set_value();
    workers.join();
    EXPECT_EQ(silent.waiting, 10);
}

TEST(worker_pool, has_no_more_threads_than_it_may_and_loses_no_job) {
    worker_pool workers(1, 3);
    silent_jobs silent(workers, 5);
    EXPECT_EQ(workers.size(), 3U);
    silent.end.set_value();
    workers.join();
    EXPECT_EQ(silent.waiting, 5);
}

TEST(worker_pool, says_whether_its_end_would_wait) {
    worker_pool workers(1, 3);
    silent_jobs silent(workers, 5);
    EXPECT_FALSE(workers.is_done_within(1ms));
    silent.end.set_value();
    EXPECT_TRUE(workers.is_done_within(20s));
    EXPECT_EQ(silent.waiting, 5);
}

TEST(worker_pool, takes_a_thread_that_is_free_before_it_makes_one) {
    worker_pool workers(1, 8);
    for (int i = 0; i < 10; ++i) {
        std::promise<void> done;
        workers.post([&] { done.set_value(); });
        ASSERT_EQ(done.get_future().wait_for(20s), std::future_status::ready);
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (workers.busy() > 0 && std::chrono::steady_clock::now() < end)
            std::this_thread::yield();
        EXPECT_EQ(workers.size(), 1U);
    }
}

TEST(worker_pool, ends_threads_that_find_nothing_to_do_and_makes_them_again) {
    worker_pool workers(2, 8, 20ms);
    for (int round = 0; round < 3; ++round) {
        silent_jobs silent(workers, 8);
        EXPECT_EQ(workers.size(), 8U);
        silent.end.set_value();
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (workers.size() > 2 && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(5ms);
        EXPECT_EQ(workers.size(), 2U);
        EXPECT_EQ(silent.waiting, 8);
    }
}

// Jobs that come just when threads end.
TEST(worker_pool, loses_no_job_to_a_thread_that_ends) {
    std::atomic<int> done = 0;
    {
        worker_pool workers(0, 4, 0ms);
        for (int i = 0; i < 2000; ++i)
            workers.post([&] { ++done; });
    }
    EXPECT_EQ(done, 2000);
}

} // namespace
