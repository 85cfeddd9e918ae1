#include "libiscsi/net/isns_client.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <vector>

namespace iscsi::net {

namespace asio = boost::asio;

namespace {

constexpr auto token = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t piece = 16384;

} // namespace

asio::awaitable<result<isns::message>> isns_client::ask(isns::message what, duration limit) {
    using namespace asio::experimental::awaitable_operators;
    what.transaction = ++transaction_;
    asio::steady_timer timer(co_await asio::this_coro::executor, limit);
    auto first = co_await (exchange(std::move(what)) || timer.async_wait(asio::use_awaitable));
    if (first.index() == 0)
        co_return std::get<0>(std::move(first));
    co_return fault{make_error_code(asio::error::timed_out), "answer of the iSNS server", {}, {}};
}

asio::awaitable<result<isns::message>> isns_client::exchange(isns::message what) {
    const auto sent = co_await send(what);
    if (!sent)
        co_return sent.error();
    for (;;) {
        auto said = co_await receive();
        if (!said)
            co_return said;
        if (auto seen = isns::acknowledgement_of(*said)) {
            const auto told = co_await send(*std::move(seen));
            if (!told)
                co_return told.error();
            continue;
        }
        if (const auto right = isns::check_answer(what, *said); !right)
            co_return right.error();
        co_return said;
    }
}

asio::awaitable<result<void>> isns_client::send(isns::message what) {
    const auto wire = isns::encode(what);
    const auto [failed, count] = co_await asio::async_write(link_.over, asio::buffer(wire), token);
    if (failed)
        co_return fault{failed, "send to the iSNS server", {}, {}};
    co_return result<void>();
}

asio::awaitable<result<isns::message>> isns_client::receive() {
    std::vector<std::byte> room(piece);
    auto whole = reader_.take({}); // what came behind the last one
    while (whole && !*whole) {
        const auto [failed, count] = co_await link_.over.async_read_some(asio::buffer(room), token);
        if (failed)
            co_return fault{failed, "answer of the iSNS server", {}, {}};
        whole = reader_.take(bytes_view(room).first(count));
    }
    if (!whole)
        co_return whole.error();
    co_return **std::move(whole);
}

} // namespace iscsi::net
