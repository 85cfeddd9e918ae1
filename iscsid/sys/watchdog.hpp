#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace iscsid::sys {

// Signs of life for the watchdog of systemd (WatchdogSec=, sd_watchdog_enabled(3)): one is given
// when the control thread and all other threads that must not stand still have answered. A daemon
// that gives none is killed and started again, so signs are asked of nobody, and the watchdog is
// switched off, as long as there is something that would end with the process.
//
// Lives on the control thread, whose executor must have run out of work before this ends.
class watchdog {
  public:
    struct subject {
        // Has every other thread call `answered` once, on that thread; returns how many there are.
        std::function<std::size_t(std::function<void()> answered)> ask_others;
        std::function<bool()> may_be_ended;
    };

    watchdog(boost::asio::any_io_executor control, subject whom);

    // Nothing where the service manager has not asked for signs. A quarter of its time goes by
    // between two of them.
    void start();

  private:
    struct round; // of questions

    boost::asio::awaitable<void> watch();
    void look();
    void switch_to(bool on);
    void tell_lateness();

    boost::asio::any_io_executor control_;
    subject whom_;
    std::chrono::microseconds limit_{};
    std::shared_ptr<round> asked_; // none: nobody is asked
    bool is_on_ = true;
    bool told_late_ = false;
};

} // namespace iscsid::sys
