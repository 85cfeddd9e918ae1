#include "iscsid/session/worker_pool.hpp"

#include "iscsid/os/blocked_signals.hpp"

#include <spdlog/spdlog.h>

#include <system_error>
#include <utility>

namespace iscsid::session {

worker_pool::worker_pool(std::size_t kept, std::size_t most) : most_(most) {
    const std::scoped_lock locked(lock_);
    while (threads_.size() < kept)
        add_thread();
}

worker_pool::~worker_pool() {
    join();
}

void worker_pool::post(std::function<void()> job) {
    const std::scoped_lock locked(lock_);
    jobs_.push_back(std::move(job));
    if (busy_ + jobs_.size() > threads_.size() && threads_.size() < most_)
        add_thread();
    news_.notify_one();
}

void worker_pool::join() {
    std::vector<std::thread> all;
    {
        const std::scoped_lock locked(lock_);
        ending_ = true;
        all = std::exchange(threads_, {});
    }
    news_.notify_all();
    for (auto& each : all)
        each.join();
}

std::size_t worker_pool::size() const {
    const std::scoped_lock locked(lock_);
    return threads_.size();
}

std::size_t worker_pool::busy() const {
    const std::scoped_lock locked(lock_);
    return busy_;
}

// Without memory for one more the job waits for those that are there.
void worker_pool::add_thread() {
    const os::blocked_signals meanwhile;
    try {
        threads_.emplace_back([this] { run(); });
    } catch (const std::system_error& failed) {
        spdlog::warn("no thread for more blocking work: {}", failed.what());
    }
}

void worker_pool::run() {
    std::unique_lock locked(lock_);
    for (;;) {
        news_.wait(locked, [this] { return ending_ || !jobs_.empty(); });
        if (jobs_.empty())
            return;
        auto job = std::move(jobs_.front());
        jobs_.pop_front();
        ++busy_;
        locked.unlock();
        job();
        job = nullptr; // what it holds ends here, not under the lock
        locked.lock();
        --busy_;
    }
}

} // namespace iscsid::session
