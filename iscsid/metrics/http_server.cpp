#include "iscsid/metrics/http_server.hpp"

#include "iscsid/os/descriptor_reserve.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_static_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/span_body.hpp>
#include <boost/beast/http/write.hpp>
#include <spdlog/spdlog.h>

#include <utility>

namespace iscsid::metrics {

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;

namespace {

constexpr std::size_t most_headers = std::size_t{8} * 1024;
constexpr auto pause_after_error = std::chrono::milliseconds(100);
constexpr auto token = asio::as_tuple(asio::use_awaitable);

using parser = http::request_parser<http::empty_body>;
using text_response = http::response<http::span_body<const char>>;

// False: it was not taken in time, or the connection has failed.
template <class Body>
asio::awaitable<bool> send(
    asio::local::stream_protocol::socket& client,
    http::response<Body>& what,
    std::chrono::milliseconds limit
) {
    asio::steady_timer timer(client.get_executor(), limit);
    auto first = co_await (http::async_write(client, what, token) || timer.async_wait(token));
    co_return first.index() == 0 && !std::get<0>(std::get<0>(first));
}

// Headers alone for HEAD: with the length that the text would have.
text_response response_to(const request& what, const std::string& text, std::string_view type) {
    text_response answer(http::status::ok, what.version());
    answer.set(http::field::content_type, type);
    answer.set(http::field::cache_control, "no-store");
    answer.keep_alive(what.keep_alive());
    if (what.method() != http::verb::head)
        answer.body() = {text.data(), text.size()};
    answer.content_length(text.size());
    return answer;
}

} // namespace

http_server::http_server(
    const asio::any_io_executor& control, int listening_socket, observer observe, http_limits limits
)
    : acceptor_(control, asio::local::stream_protocol(), listening_socket)
    , observe_(std::move(observe))
    , limits_(limits)
    , observed_(control) {
    asio::co_spawn(control, accept_all(), asio::detached);
}

void http_server::stop() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
}

asio::awaitable<void> http_server::accept_all() {
    asio::steady_timer pause(acceptor_.get_executor());
    while (acceptor_.is_open()) {
        auto [error, client] = co_await acceptor_.async_accept(token);
        if (error) { // no file descriptors left: they will come back
            pause.expires_after(pause_after_error);
            co_await pause.async_wait(asio::use_awaitable);
            continue;
        }
        asio::co_spawn(acceptor_.get_executor(), serve(std::move(client)), asio::detached);
    }
}

// Whatever happens to a client ends with it.
asio::awaitable<void> http_server::serve(stream client) {
    ++open_;
    try {
        if (open_ <= limits_.connections && !os::takes_what_is_kept(client.native_handle())) {
            co_await serve_requests(client);
        } else {
            auto refused = busy("As many clients as there may be are connected.");
            co_await send(client, refused, limits_.response);
        }
    } catch (const std::exception& ended) { // out of memory: only this client's end
        spdlog::debug("a client of the metrics: {}", ended.what());
    }
    --open_;
}

asio::awaitable<void> http_server::serve_requests(stream& client) {
    boost::beast::flat_static_buffer<most_headers> buffer;
    asio::steady_timer limit(client.get_executor());
    for (bool goes_on = true; goes_on;) {
        parser reading;
        reading.header_limit(most_headers);
        reading.body_limit(0);
        limit.expires_after(limits_.request);
        auto first =
            co_await (http::async_read(client, buffer, reading, token) || limit.async_wait(token));
        if (first.index() == 1)
            co_return;
        if (const auto error = std::get<0>(std::get<0>(first))) {
            auto refused = refusal_of(error);
            if (refused)
                co_await send(client, *refused, limits_.response);
            co_return;
        }
        goes_on = co_await answer(client, reading.get());
    }
}

// Whether the connection goes on.
asio::awaitable<bool> http_server::answer(stream& client, const request& what) {
    auto refused = refusal_of(what);
    if (refused) {
        co_await send(client, *refused, limits_.response);
        co_return false;
    }
    const auto accept = what[http::field::accept];
    const auto how = form_for({accept.data(), accept.size()});
    const auto text = co_await text_in(how);
    if (!text) {
        auto later = busy("The sessions do not say what they do.");
        co_await send(client, later, limits_.response);
        co_return false;
    }
    auto given = response_to(what, *text, iscsi::metrics::content_type_of(how));
    const bool was_taken = co_await send(client, given, limits_.response);
    co_return was_taken&& what.keep_alive();
}

// One is made at a time: who asks meanwhile gets the same.
asio::awaitable<http_server::shared_text> http_server::text_in(iscsi::metrics::form how) {
    const auto is_free = [this] { return !is_observing_; };
    if (!co_await observed_.wait(is_free, limits_.response))
        co_return nullptr;
    kept_text& kept = texts_.at(static_cast<std::size_t>(how));
    const auto now = std::chrono::steady_clock::now();
    if (kept.text && now - kept.made < limits_.age)
        co_return kept.text;
    kept = {};
    is_observing_ = true;
    std::exception_ptr failure;
    try {
        const auto seen = co_await observe_();
        if (seen.has_value())
            kept = {std::make_shared<const std::string>(metrics_text(*seen, how)), now};
    } catch (...) {
        failure = std::current_exception();
    }
    is_observing_ = false;
    observed_.notify_all();
    if (failure)
        std::rethrow_exception(failure);
    co_return kept.text;
}

} // namespace iscsid::metrics
