#pragma once

#include "libiscsi/core/parameters.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <list>
#include <utility>

namespace iscsid::session {

// What coroutines of one thread wait for in place of looking again and again. Whoever changes
// something that others may wait for calls notify_all() afterwards; each waiter then looks at what
// it waits for itself. Must outlive its waiters.
class condition {
  public:
    // `also`: is told as well, before any waiter goes on.
    explicit condition(boost::asio::any_io_executor thread, std::function<void()> also = {})
        : thread_(std::move(thread)), also_(std::move(also)) {}

    void notify_all() {
        for (auto* const each : waiting_)
            each->cancel();
        if (also_)
            also_();
    }

    // Returns once `holds()` is true, then true; false: it was not within the limit.
    template <class Holds>
    boost::asio::awaitable<bool> wait(Holds holds, iscsi::duration limit) {
        const auto end = std::chrono::steady_clock::now() + limit;
        bool in_time = true;
        while (in_time && !holds()) {
            boost::asio::steady_timer timer(thread_, end);
            const auto place = waiting_.insert(waiting_.end(), &timer);
            const auto [woken] =
                co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
            waiting_.erase(place);
            in_time = static_cast<bool>(woken);
        }
        co_return in_time || holds();
    }

  private:
    boost::asio::any_io_executor thread_;
    std::function<void()> also_;
    std::list<boost::asio::steady_timer*> waiting_;
};

} // namespace iscsid::session
