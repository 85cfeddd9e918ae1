#include "iscsid/ipc/server.hpp"

#include "iscsid/os/descriptor_reserve.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

namespace iscsid::ipc {

namespace admin = iscsi::admin;
namespace asio = boost::asio;
using asio::local::stream_protocol;

namespace {

constexpr auto pause_after_error = std::chrono::milliseconds(100);

// Best effort, never waiting: the reply fits into any socket buffer.
void refuse(stream_protocol::socket& client) {
    admin::varlink_reply reply;
    reply.error = std::string(admin::interface_name) + ".Busy";
    boost::system::error_code ignored;
    client.non_blocking(true, ignored);
    client.write_some(asio::buffer(admin::format(reply)), ignored);
}

} // namespace

server::server(
    const asio::any_io_executor& control,
    int listening_socket,
    verbs& methods,
    std::optional<gid_t> group,
    server_limits limits
)
    : acceptor_(control, stream_protocol(), listening_socket)
    , methods_(methods)
    , group_(group)
    , limits_(limits) {
    asio::co_spawn(control, accept_all(), asio::detached);
}

void server::stop() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
}

asio::awaitable<void> server::accept_all() {
    asio::steady_timer pause(acceptor_.get_executor());
    while (acceptor_.is_open()) {
        auto [error, client] = co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
        // accept() would fail again at once, and turn this into a loop that keeps the thread.
        if (error) { // no file descriptors left: they will come back
            pause.expires_after(pause_after_error);
            co_await pause.async_wait(asio::use_awaitable);
            continue;
        }
        const peer who = identify(client.native_handle(), group_);
        if (!has_room_for(who) ||
            (!who.may_change && os::takes_what_is_kept(client.native_handle()))) {
            spdlog::debug("no room for a connection of process {}", who.process);
            refuse(client);
            continue;
        }
        asio::co_spawn(acceptor_.get_executor(), serve(std::move(client), who), asio::detached);
    }
}

// Readers cannot crowd out root: monitoring that leaks connections must not make a logout
// impossible.
bool server::has_room_for(const peer& who) const {
    return open_ < limits_.connections &&
           (who.may_change || open_of_askers_ < limits_.connections_of_askers);
}

// Whatever happens to a client ends with it; the counts go down on each way out.
asio::awaitable<void> server::serve(stream_protocol::socket client, peer who) {
    auto& count_of_askers = open_of_askers_;
    const std::size_t is_asker = who.may_change ? 0 : 1;
    ++open_;
    count_of_askers += is_asker;
    try {
        connection served(std::move(client), who, methods_, limits_.clients);
        co_await served.run();
    } catch (const std::exception& ended) { // cancelled, or out of memory: only this client's end
        spdlog::debug("connection of process {} ended: {}", who.process, ended.what());
    }
    --open_;
    count_of_askers -= is_asker;
}

} // namespace iscsid::ipc
