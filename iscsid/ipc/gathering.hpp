#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <memory>

namespace iscsid::ipc {

// Jobs that run beside each other and are heard in the order in which they end. They go on when
// nobody listens any more: a logout does not end because a client hangs up.
template <class Result>
// `most` is how many results may wait for a listener; with room for all jobs nothing is ever lost
// or blocked. next() as often as left() says.
class gathering {
  public:
    gathering(boost::asio::any_io_executor where, std::size_t most)
        : where_(where), ended_(std::make_shared<channel>(where, most)) {}

    // `if_it_throws` is heard when the job ends with an exception.
    void start(boost::asio::awaitable<Result> job, Result if_it_throws) {
        ++left_;
        boost::asio::co_spawn(
            where_,
            std::move(job),
            [to = ended_,
             otherwise = std::move(if_it_throws)](const std::exception_ptr& thrown, Result result) {
                to->try_send(boost::system::error_code(), thrown ? otherwise : result);
            }
        );
    }

    // A result that is known without a job.
    void add(Result result) {
        ++left_;
        ended_->try_send(boost::system::error_code(), std::move(result));
    }

    std::size_t left() const { return left_; }

    boost::asio::awaitable<Result> next() {
        // The coroutine may outlive this object; the channel lives as long as either.
        const auto mine = ended_;
        --left_;
        co_return co_await mine->async_receive(boost::asio::use_awaitable);
    }

  private:
    using channel = boost::asio::experimental::channel<void(boost::system::error_code, Result)>;

    boost::asio::any_io_executor where_;
    std::shared_ptr<channel> ended_;
    std::size_t left_ = 0;
};

} // namespace iscsid::ipc
