#include "iscsid/ipc/connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/write.hpp>
#include <spdlog/spdlog.h>

#include <array>

namespace iscsid::ipc {

namespace admin = iscsi::admin;
namespace asio = boost::asio;
using asio::local::stream_protocol;
using namespace asio::experimental::awaitable_operators;

namespace {

// Calls that may wait while one is served; a client that sends more is read later.
constexpr std::size_t most_waiting_calls = 16;
constexpr std::size_t read_size = std::size_t{64} * 1024;
constexpr auto token = asio::as_tuple(asio::use_awaitable);

} // namespace

connection::connection(stream_protocol::socket socket, peer who, verbs& methods, patience limits)
    : socket_(std::move(socket))
    , who_(who)
    , methods_(methods)
    , limits_(limits)
    , read_limit_(socket_.get_executor())
    , calls_(socket_.get_executor(), most_waiting_calls) {}

// Ends with the client, which cancels what is being served, or when all of its calls are served.
asio::awaitable<void> connection::run() {
    co_await (read_calls() || serve_calls());
}

asio::awaitable<void> connection::read_calls() {
    std::array<char, read_size> chunk{};
    while (const std::size_t n = co_await read_some(chunk)) {
        if (const auto fed = splitter_.feed({chunk.data(), n}); fed.has_error()) {
            give_up(fed.error().text());
            co_return;
        }
        while (auto call = splitter_.next())
            co_await calls_.async_send(
                boost::system::error_code(), *std::move(call), asio::use_awaitable
            );
    }
    if (!socket_.is_open())
        co_return;
    // It has no more calls, but may still wait for replies; an error is that it is gone.
    calls_.close();
    co_await socket_.async_wait(stream_protocol::socket::wait_error, token);
}

// 0: there is nothing more to read. After give_up() the socket is closed.
asio::awaitable<std::size_t> connection::read_some(std::span<char> into) {
    for (;;) {
        start_patience();
        const auto first = co_await (
            socket_.async_read_some(asio::buffer(into.data(), into.size()), token) ||
            read_limit_.async_wait(token)
        );
        if (first.index() == 0) {
            const auto [error, n] = std::get<0>(first);
            if (error && splitter_.holds_part())
                give_up("hung up in the middle of a message");
            co_return error ? 0 : n;
        }
        if (splitter_.holds_part() || !serving_)
            break;
    }
    give_up(splitter_.holds_part() ? "took too long to send a message" : "was idle too long");
    co_return 0;
}

// A message has one limit from its first byte on, however slowly the rest drips in.
void connection::start_patience() {
    if (!splitter_.holds_part())
        read_limit_.expires_after(limits_.idle);
    else if (read_limit_.expiry() > std::chrono::steady_clock::now() + limits_.message)
        read_limit_.expires_after(limits_.message);
}

asio::awaitable<void> connection::serve_calls() {
    for (;;) {
        auto [closed, text] = co_await calls_.async_receive(token);
        if (closed)
            co_return;
        serving_ = true;
        co_await serve_one(std::move(text));
        serving_ = false;
    }
}

asio::awaitable<void> connection::serve_one(std::string text) {
    auto call = admin::parse_call(text);
    // Errors of a oneway call are not told either.
    oneway_ = call.has_value() && call->oneway;
    if (call.has_value()) {
        co_await methods_.serve(*std::move(call), who_, *this);
        co_return;
    }
    spdlog::debug("bad call of process {}: {}", who_.process, call.error().text());
    boost::json::object which;
    which["parameter"] = call.error().text();
    co_await fail("org.varlink.service.InvalidParameter", std::move(which));
}

asio::awaitable<bool> connection::reply(boost::json::object parameters, bool continues) {
    admin::varlink_reply answer;
    answer.parameters = std::move(parameters);
    answer.continues = continues;
    co_return co_await send(std::move(answer));
}

asio::awaitable<bool> connection::fail(std::string error, boost::json::object parameters) {
    admin::varlink_reply answer;
    answer.error = std::move(error);
    answer.parameters = std::move(parameters);
    co_return co_await send(std::move(answer));
}

// One send is under way at a time: only serve_calls() sends.
asio::awaitable<bool> connection::send(admin::varlink_reply reply) {
    if (oneway_)
        co_return true;
    const std::string text = admin::format(reply);
    asio::steady_timer limit(socket_.get_executor(), limits_.reply);
    const auto first =
        co_await (asio::async_write(socket_, asio::buffer(text), token) || limit.async_wait(token));
    if (first.index() == 1) {
        give_up("does not read its replies");
        co_return false;
    }
    co_return !std::get<0>(std::get<0>(first));
}

// Closing makes the reader end, and with it the whole connection.
void connection::give_up(std::string_view why) {
    spdlog::debug("client process {} {}: connection closed", who_.process, why);
    boost::system::error_code ignored;
    socket_.close(ignored);
}

} // namespace iscsid::ipc
