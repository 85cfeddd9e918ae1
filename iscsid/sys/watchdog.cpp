#include "iscsid/sys/watchdog.hpp"

#include "iscsid/sys/notify.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <systemd/sd-daemon.h>

#include <atomic>
#include <utility>

namespace iscsid::sys {

namespace asio = boost::asio;

// Answers come on the threads that were asked, perhaps when nobody waits for them any more.
struct watchdog::round {
    std::size_t asked = 0;
    std::atomic<std::size_t> answered{0};
    std::chrono::steady_clock::time_point at = std::chrono::steady_clock::now();

    bool is_over() const { return answered == asked; }
};

watchdog::watchdog(asio::any_io_executor control, subject whom)
    : control_(std::move(control)), whom_(std::move(whom)) {}

void watchdog::start() {
    std::uint64_t microseconds = 0;
    if (::sd_watchdog_enabled(0, &microseconds) <= 0)
        return;
    limit_ = std::chrono::microseconds(microseconds);
    asio::co_spawn(control_, watch(), asio::detached);
}

asio::awaitable<void> watchdog::watch() {
    asio::steady_timer pause(control_);
    for (;;) {
        look();
        pause.expires_after(limit_ / 4);
        co_await pause.async_wait(asio::use_awaitable);
    }
}

void watchdog::look() {
    switch_to(whom_.may_be_ended());
    if (asked_ && !asked_->is_over())
        return tell_lateness();
    if (std::exchange(told_late_, false))
        spdlog::info("all threads answer again");
    notify_alive();
    asked_ = std::make_shared<round>();
    asked_->asked = whom_.ask_others([round = asked_] { ++round->answered; });
}

// It begins to count anew when it is switched on.
void watchdog::switch_to(bool on) {
    if (std::exchange(is_on_, on) != on)
        notify_watchdog(on ? limit_ : std::chrono::microseconds(0));
}

void watchdog::tell_lateness() {
    const auto late = std::chrono::steady_clock::now() - asked_->at;
    if (late < limit_ / 2 || std::exchange(told_late_, true))
        return;
    spdlog::error(
        "{} of {} data threads have not answered for {} s{}",
        asked_->asked - asked_->answered,
        asked_->asked,
        std::chrono::duration_cast<std::chrono::seconds>(late).count(),
        is_on_ ? ": systemd will start iscsid anew" : ""
    );
}

} // namespace iscsid::sys
