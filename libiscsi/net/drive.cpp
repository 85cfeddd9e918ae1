#include "libiscsi/net/drive.hpp"

#include "libiscsi/net/connector.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/random.h>

#include <algorithm>

namespace iscsi::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

instant now() {
    return std::chrono::steady_clock::now();
}

// The stream is closed first: no byte that arrives later may belong to what the session does next.
void lose(session& what, stream& over, const fault& why) {
    error_code ignored;
    reset_on_close(over);
    over.close(ignored);
    what.transport_lost(why, now());
}

template <class Buffer, class Plan>
// Allocates; this is the control thread, where that is allowed.
std::vector<Buffer> to_buffers(const Plan& plan) {
    std::vector<Buffer> all;
    for (const auto& part : plan)
        all.emplace_back(part.data(), part.size());
    return all;
}

// One write per turn, as much as the socket takes.
void send_some(session& what, stream& over) {
    const auto plan = what.write_plan();
    if (plan.empty())
        return;
    error_code error;
    const std::size_t n = over.write_some(to_buffers<asio::const_buffer>(plan), error);
    if (error == asio::error::would_block)
        return;
    if (error)
        return lose(what, over, {error, "send", {}, {}});
    what.sent(n, now());
}

// The end of the stream is a fault of its own: a target that closes without a Logout says nothing
// else.
void receive_some(session& what, stream& over) {
    const auto plan = what.read_plan();
    if (plan.empty())
        return;
    error_code error;
    const std::size_t n = over.read_some(to_buffers<asio::mutable_buffer>(plan), error);
    if (error == asio::error::would_block)
        return;
    if (error == asio::error::eof)
        return lose(what, over, {to_error_code(session_errc::target_closed), {}, {}, {}});
    if (error)
        return lose(what, over, {error, "receive", {}, {}});
    if (const auto taken = what.received(n, now()); taken.has_error())
        lose(what, over, taken.error());
}

void provide_entropy(session& what, std::size_t count) {
    std::vector<std::byte> bytes(count);
    // getentropy() gives up to 256 bytes a call and does not fail on a kernel that has it.
    for (std::size_t at = 0; at < count; at += 256)
        if (::getentropy(bytes.data() + at, std::min<std::size_t>(256, count - at)) != 0)
            return; // the login times out: no CHAP without good randomness
    what.provide_entropy(bytes, now());
}

// True when the event is the driver's own business.
bool answer(session& what, stream& over, const event& seen) {
    if (const auto* close = std::get_if<want_close>(&seen)) {
        lose(what, over, close->why);
        return true;
    }
    if (const auto* entropy = std::get_if<want_entropy>(&seen)) {
        provide_entropy(what, entropy->bytes);
        return true;
    }
    return false;
}

// Also when a byte has arrived at the same moment: bytes first, then time.
void meet_deadline(session& what) {
    const auto deadline = what.next_deadline();
    if (deadline && *deadline <= now())
        what.handle_deadline(now());
}

// Waits until a byte can be moved or the deadline is there.
asio::awaitable<void> wait(session& what, stream& over) {
    using namespace asio::experimental::awaitable_operators;
    constexpr auto token = asio::as_tuple(asio::use_awaitable);
    asio::steady_timer timer(co_await asio::this_coro::executor);
    timer.expires_at(what.next_deadline().value_or(instant::max()));
    if (!over.is_open())
        co_await timer.async_wait(token);
    else if (what.write_plan().empty())
        co_await (over.async_wait(stream::wait_read, token) || timer.async_wait(token));
    else
        co_await (
            over.async_wait(stream::wait_read, token) ||
            over.async_wait(stream::wait_write, token) || timer.async_wait(token)
        );
}

} // namespace

asio::awaitable<event> next_event(session& what, stream& over) {
    for (;;) {
        if (auto seen = what.poll_event()) {
            if (answer(what, over, *seen))
                continue;
            co_return *std::move(seen);
        }
        // The wait comes between any two moves, so that a peer that never stops sending cannot
        // keep the thread for itself.
        co_await wait(what, over);
        if ((co_await asio::this_coro::cancellation_state).cancelled() !=
            asio::cancellation_type::none)
            throw boost::system::system_error(asio::error::operation_aborted);
        if (over.is_open())
            send_some(what, over);
        if (over.is_open())
            receive_some(what, over);
        meet_deadline(what);
    }
}

} // namespace iscsi::net
