#include "iscsid/session/worker_pool.hpp"

#include "iscsid/os/blocked_signals.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace iscsid::session {

namespace {

void join_all(std::vector<std::thread> threads) {
    for (auto& each : threads)
        each.join();
}

} // namespace

worker_pool::worker_pool(std::size_t kept, std::size_t most, std::chrono::milliseconds idle)
    : kept_(kept), most_(most), idle_(idle) {
    const std::scoped_lock locked(lock_);
    while (threads_.size() < kept)
        add_thread();
}

worker_pool::~worker_pool() {
    join();
}

void worker_pool::post(std::function<void()> job) {
    std::vector<std::thread> retired;
    {
        const std::scoped_lock locked(lock_);
        jobs_.push_back(std::move(job));
        if (busy_ + jobs_.size() > threads_.size() && threads_.size() < most_)
            add_thread();
        retired = std::exchange(retired_, {});
    }
    news_.notify_one();
    join_all(std::move(retired));
}

void worker_pool::join() {
    std::vector<std::thread> all;
    std::vector<std::thread> retired;
    {
        const std::scoped_lock locked(lock_);
        ending_ = true;
        all = std::exchange(threads_, {});
        retired = std::exchange(retired_, {});
    }
    news_.notify_all();
    join_all(std::move(all));
    join_all(std::move(retired));
}

bool worker_pool::is_done_within(std::chrono::milliseconds patience) {
    std::unique_lock locked(lock_);
    ending_ = true;
    news_.notify_all();
    return done_.wait_for(locked, patience, [this] { return is_done(); });
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

// False: this thread ends, with the pool or because it is one too many.
bool worker_pool::has_work(std::unique_lock<std::mutex>& locked) {
    const auto is_news = [this] { return ending_ || !jobs_.empty(); };
    while (!news_.wait_for(locked, idle_, is_news))
        if (threads_.size() > kept_) {
            retire_this_thread();
            return false;
        }
    return !jobs_.empty();
}

void worker_pool::retire_this_thread() {
    const auto self = std::ranges::find(threads_, std::this_thread::get_id(), &std::thread::get_id);
    retired_.push_back(std::move(*self));
    threads_.erase(self);
}

void worker_pool::run() {
    std::unique_lock locked(lock_);
    for (;;) {
        if (!has_work(locked))
            return;
        auto job = std::move(jobs_.front());
        jobs_.pop_front();
        ++busy_;
        locked.unlock();
        job();
        job = nullptr; // what it holds ends here, not under the lock
        locked.lock();
        --busy_;
        done_.notify_all();
    }
}

} // namespace iscsid::session
