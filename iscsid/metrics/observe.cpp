#include "iscsid/metrics/observe.hpp"

#include "iscsid/ipc/describe.hpp"
#include "iscsid/ipc/progress.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>

namespace iscsid::metrics {

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;

namespace {

constexpr auto patience = std::chrono::seconds(5);

} // namespace

asio::awaitable<std::optional<iscsi::metrics::observation>> observe(subjects whom) {
    asio::steady_timer limit(co_await asio::this_coro::executor, patience);
    auto first = co_await (
        whom.sessions->list(std::nullopt) || limit.async_wait(asio::as_tuple(asio::use_awaitable))
    );
    if (first.index() == 1)
        co_return std::nullopt;
    iscsi::metrics::observation seen;
    seen.daemon = whom.status();
    for (const auto& session : std::get<0>(first))
        seen.sessions.push_back(ipc::message_of(session, ipc::io_detail::told));
    for (const auto& login : whom.keeper->missing())
        seen.kept_logins.push_back(ipc::message_of(login));
    co_return seen;
}

} // namespace iscsid::metrics
