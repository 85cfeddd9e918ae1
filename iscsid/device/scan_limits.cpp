#include "iscsid/device/scan_limits.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace iscsid::device {

namespace {

namespace asio = boost::asio;

class steady_scan_clock final : public scan_clock {
  public:
    iscsi::instant now() const override { return std::chrono::steady_clock::now(); }

    asio::awaitable<void> sleep(iscsi::duration time) const override {
        asio::steady_timer timer(co_await asio::this_coro::executor, time);
        co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
};

} // namespace

const scan_clock& system_clock() {
    static const steady_scan_clock only;
    return only;
}

} // namespace iscsid::device
