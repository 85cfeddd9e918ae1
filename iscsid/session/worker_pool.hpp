#pragma once

#include "libiscsi/net/pending.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace iscsid::session {

// Threads for what blocks: attaching, flushing and removing disks, which wait for the kernel, and
// the kernel perhaps for a target that says nothing. A job waits for one of another session
// only where both have the same disk (shared_disks): when all threads are busy there is one more,
// up to `most`. A session runs one job at a time, so there are never more threads than sessions
// that do something; those that have found nothing to do for a while end.
//
// post() may be called on any thread. The end waits for the jobs that were posted before it.
class worker_pool {
  public:
    static constexpr std::chrono::milliseconds usual_idle_time{30'000};

    // `kept`: made at once and never ended, so that work can be done when memory for another thread
    // is missing. `idle`: how long the others wait for work.
    worker_pool(
        std::size_t kept, std::size_t most, std::chrono::milliseconds idle = usual_idle_time
    );
    ~worker_pool();
    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;

    void post(std::function<void()> job);

    // No jobs from now on; returns when all are done.
    void join();

    // No jobs from now on. False: some are not done when `patience` is over; join() would wait for
    // them.
    bool is_done_within(std::chrono::milliseconds patience);

    std::size_t size() const;
    std::size_t busy() const;

  private:
    void add_thread();
    void run();

    bool is_done() const { return busy_ == 0 && jobs_.empty(); }

    bool has_work(std::unique_lock<std::mutex>& locked);
    void retire_this_thread();

    const std::size_t kept_;
    const std::size_t most_;
    const std::chrono::milliseconds idle_;
    mutable std::mutex lock_;
    std::condition_variable news_;
    std::condition_variable done_; // a job
    std::deque<std::function<void()>> jobs_;
    std::vector<std::thread> threads_;
    std::vector<std::thread> retired_; // to be joined: they take the lock no more
    std::size_t busy_ = 0;             // threads that run a job
    bool ending_ = false;
};

// Runs a function that blocks on a thread of the pool; the calling coroutine goes on with what it
// returned, however long that takes. A caller that is cancelled meanwhile goes on with
// operation_aborted, as with any other wait; the job ends by itself.
template <class Function, class T = std::invoke_result_t<Function&>>
boost::asio::awaitable<T> run_on(worker_pool& workers, Function work) {
    constexpr auto very_long = std::chrono::hours(24 * 365);
    iscsi::net::pending<T> outcome(co_await boost::asio::this_coro::executor);
    workers.post([work = std::move(work), done = outcome.answer()]() mutable { done(work()); });
    auto given = co_await outcome.wait(very_long);
    if (!given)
        throw boost::system::system_error(boost::asio::error::operation_aborted);
    co_return *std::move(given);
}

} // namespace iscsid::session
