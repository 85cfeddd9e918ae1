#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/signal_set.hpp>

#include <functional>

namespace iscsid::sys {

// SIGTERM and SIGINT call `stop`, SIGHUP calls `reload`, on the thread of the executor. Works as
// long as it lives.
// The functions are called like any other work of the executor, never inside a signal handler.
class signals {
  public:
    signals(
        const boost::asio::any_io_executor& where,
        std::function<void()> stop,
        std::function<void()> reload
    );

    // From the start of the process until a signals object is there: SIGHUP and SIGPIPE are not
    // the end.
    static void ignore_early();

  private:
    void wait();

    boost::asio::signal_set set_;
    std::function<void()> stop_;
    std::function<void()> reload_;
};

} // namespace iscsid::sys
