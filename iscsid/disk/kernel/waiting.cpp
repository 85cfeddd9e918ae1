#include "iscsid/disk/kernel/waiting.hpp"

#include <algorithm>

namespace iscsid::disk {

using std::chrono::milliseconds;

bool wait_until(milliseconds limit, const std::function<bool()>& condition) {
    constexpr milliseconds longest_pause{100};
    const auto end = std::chrono::steady_clock::now() + limit;
    for (milliseconds pause{1};; pause = std::min(2 * pause, longest_pause)) {
        if (condition())
            return true;
        if (std::chrono::steady_clock::now() >= end)
            return false;
        std::this_thread::sleep_for(pause);
    }
}

watchdog::watchdog(milliseconds limit, std::function<void()> act) {
    thread_ = std::thread([this, limit, act = std::move(act)] {
        std::unique_lock lock(guard_);
        if (changed_.wait_for(lock, limit, [this] { return over_; }))
            return;
        has_acted_ = true;
        act();
    });
}

watchdog::~watchdog() {
    {
        const std::lock_guard lock(guard_);
        over_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

bool watchdog::has_acted() const {
    const std::lock_guard lock(guard_);
    return has_acted_;
}

} // namespace iscsid::disk
