#pragma once

#include "libiscsi/core/parameters.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace iscsi::net {

// An answer that somebody on another thread will give, once. Belongs to the thread of `executor`;
// only the function of answer() may be called elsewhere, as long as `executor` is alive. An answer
// that nobody waits for any more is thrown away.
template <class T>
class pending {
  public:
    explicit pending(const boost::asio::any_io_executor& executor)
        : shared_(std::make_shared<shared>(executor)) {}

    // It may be copied and called from any thread; the first value counts for whoever waits, later
    // ones replace one that nobody has taken.
    std::function<void(T)> answer() const {
        return [to = shared_, executor = shared_->timer.get_executor()](T value) {
            boost::asio::post(executor, [to, given = std::move(value)]() mutable {
                to->value.emplace(std::move(given));
                to->timer.cancel();
            });
        };
    }

    bool is_there() const { return shared_->value.has_value(); }

    // Nothing when the limit ends first; may then be called again.
    boost::asio::awaitable<std::optional<T>> wait(duration limit) {
        const auto mine = shared_;
        if (!mine->value) {
            mine->timer.expires_after(limit);
            co_await mine->timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
        }
        co_return std::exchange(mine->value, std::nullopt);
    }

  private:
    struct shared {
        explicit shared(const boost::asio::any_io_executor& executor) : timer(executor) {}

        boost::asio::steady_timer timer;
        std::optional<T> value;
    };

    std::shared_ptr<shared> shared_;
};

// Runs a function that blocks on a thread of `workers` and waits for it, `limit` at most.
template <class Function, class T = std::invoke_result_t<Function&>>
boost::asio::awaitable<std::optional<T>>
// Nothing when the limit ends first; the function then still runs to its end, and what it gives is
// thrown away. It must not refer to anything of the caller.
run_blocking(boost::asio::any_io_executor workers, Function work, duration limit) {
    pending<T> outcome(co_await boost::asio::this_coro::executor);
    boost::asio::post(workers, [work = std::move(work), done = outcome.answer()]() mutable {
        done(work());
    });
    co_return co_await outcome.wait(limit);
}

} // namespace iscsi::net
