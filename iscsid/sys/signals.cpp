#include "iscsid/sys/signals.hpp"

#include <csignal>
#include <utility>

namespace iscsid::sys {

signals::signals(
    const boost::asio::any_io_executor& where,
    std::function<void()> stop,
    std::function<void()> reload
)
    : set_(where, SIGTERM, SIGINT, SIGHUP), stop_(std::move(stop)), reload_(std::move(reload)) {
    wait();
}

void signals::ignore_early() {
    static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
    static_cast<void>(std::signal(SIGHUP, SIG_IGN));
}

void signals::wait() {
    set_.async_wait([this](const boost::system::error_code& error, int signal) {
        if (error)
            return;
        if (signal == SIGHUP)
            reload_();
        else
            stop_();
        wait();
    });
}

} // namespace iscsid::sys
