#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

// Nothing in this room waits without a bound. Two ways to keep that promise.
namespace iscsid::disk {

// Asks again and again, at growing intervals, until the answer is yes (true) or time is up (false).
bool wait_until(std::chrono::milliseconds limit, const std::function<bool()>& condition);

// Guards system calls that block: calls `act` once, on a thread of its own, when this object still
// lives after the limit. `act` must make those calls return.
class watchdog {
  public:
    watchdog(std::chrono::milliseconds limit, std::function<void()> act);
    ~watchdog();
    watchdog(const watchdog&) = delete;
    watchdog& operator=(const watchdog&) = delete;
    watchdog(watchdog&&) = delete;
    watchdog& operator=(watchdog&&) = delete;

    bool has_acted() const;

  private:
    mutable std::mutex guard_;
    std::condition_variable changed_;
    bool over_ = false;
    bool has_acted_ = false;
    std::thread thread_;
};

} // namespace iscsid::disk
