#include "libiscsi/net/connector.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace iscsi::net {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

// In seconds. NOP-Out probes are the session's business; TCP's keepalive is for those who have
// switched them off.
constexpr int keepalive_idle = 30;
constexpr int keepalive_interval = 10;
constexpr int keepalive_count = 3;

void set_number(tcp::socket& of, int level, int name, int value) {
    // A kernel that refuses one of these still gives a working connection.
    static_cast<void>(::setsockopt(of.native_handle(), level, name, &value, sizeof value));
}

// TCP_NODELAY, because a command is one send and must not wait for the acknowledgement of the last.
// TCP_USER_TIMEOUT bounds how long sent data may stay unacknowledged, in milliseconds.
void tune(tcp::socket& socket, const connect_options& options) {
    set_number(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    set_number(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_number(socket, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle);
    set_number(socket, IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval);
    set_number(socket, IPPROTO_TCP, TCP_KEEPCNT, keepalive_count);
    set_number(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(options.unanswered.count()));
    if (options.window_size == 0)
        return;
    // Before connect(): the window scale is settled in the SYN.
    set_number(socket, SOL_SOCKET, SO_RCVBUF, static_cast<int>(options.window_size));
    set_number(socket, SOL_SOCKET, SO_SNDBUF, static_cast<int>(options.window_size));
}

// Needs CAP_NET_RAW on kernels before 5.7; its refusal is the fault of this address.
boost::system::error_code bind_to_device(tcp::socket& socket, const std::string& device) {
    if (device.empty())
        return {};
    const auto length = static_cast<socklen_t>(device.size());
    if (::setsockopt(socket.native_handle(), SOL_SOCKET, SO_BINDTODEVICE, device.data(), length) !=
        0)
        return {errno, boost::system::system_category()};
    return {};
}

boost::system::error_code
open(tcp::socket& socket, const endpoint& to, const connect_options& options) {
    boost::system::error_code error;
    socket.open(to.protocol(), error);
    if (!error)
        socket.non_blocking(true, error);
    if (!error)
        error = bind_to_device(socket, options.device);
    if (!error)
        tune(socket, options);
    return error;
}

asio::awaitable<boost::system::error_code>
// A cancelled connect closes its socket with it.
connect_within(tcp::socket& socket, const endpoint& to, duration limit) {
    using namespace asio::experimental::awaitable_operators;
    asio::steady_timer timer(socket.get_executor(), limit);
    const auto first = co_await (
        socket.async_connect(to, asio::as_tuple(asio::use_awaitable)) ||
        timer.async_wait(asio::as_tuple(asio::use_awaitable))
    );
    if (first.index() == 1)
        co_return asio::error::timed_out;
    co_return std::get<0>(std::get<0>(first));
}

asio::awaitable<result<connected>>
connect_one(endpoint to, connect_options options, duration limit) {
    tcp::socket socket(co_await asio::this_coro::executor);
    // Before connect(): options and device take part in the handshake and in the choice of a route.
    auto error = open(socket, to, options);
    if (!error)
        error = co_await connect_within(socket, to, limit);
    const bool no_device = error == boost::system::errc::no_such_device;
    if (error)
        co_return fault{error, to_text(to), no_device ? options.device : std::string(), {}};
    const endpoint local = socket.local_endpoint(error);
    co_return connected{stream(std::move(socket)), to, local};
}

} // namespace

// Without any address the fault says so, and nothing was tried.
asio::awaitable<result<connected>> connect(endpoints to, connect_options options) {
    const auto end = std::chrono::steady_clock::now() + options.timeout;
    result<connected> outcome = fault{asio::error::host_not_found, "address", "none", {}};
    for (std::size_t left = to.size(); left > 0 && outcome.has_error(); --left) {
        const auto time =
            std::chrono::duration_cast<duration>(end - std::chrono::steady_clock::now());
        const auto share = std::max(duration(1), time / static_cast<duration::rep>(left));
        outcome = co_await connect_one(to[to.size() - left], options, share);
    }
    co_return outcome;
}

// The flags are those of the open file, which the lane's thread will use.
int release(stream& over) {
    if (!over.is_open())
        return -1;
    boost::system::error_code error;
    const int socket = over.release(error);
    if (error)
        return -1;
    const int flags = ::fcntl(socket, F_GETFL);
    static_cast<void>(::fcntl(socket, F_SETFL, flags & ~O_NONBLOCK));
    return socket;
}

void reset_on_close(stream& over) {
    boost::system::error_code ignored;
    over.set_option(stream::linger(true, 0), ignored);
}

} // namespace iscsi::net
