#pragma once

#include "iscsid/ipc/connection.hpp"

#include <memory>

namespace iscsid::ipc {

// In connections, whoever opens them: one process may hold all of its share.
struct server_limits {
    std::size_t connections = 64;
    std::size_t connections_of_askers = 32; // those that may only ask leave room for root
    patience clients;
};

// Takes connections on a listening unix socket and serves each beside the others. A client beyond
// the limits is told Busy and closed. Lives on the control thread.
// It must outlive the executor's last turn: connections refer to it.
class server {
  public:
    server(
        const boost::asio::any_io_executor& control,
        int listening_socket,
        verbs& methods,
        std::optional<gid_t> group,
        server_limits limits
    );

    // Takes no more connections; those that are there end with the executor.
    void stop();

    std::size_t connection_count() const { return open_; }

  private:
    boost::asio::awaitable<void> accept_all();
    boost::asio::awaitable<void>
    serve(boost::asio::local::stream_protocol::socket client, peer who);
    bool has_room_for(const peer& who) const;

    boost::asio::local::stream_protocol::acceptor acceptor_;
    verbs& methods_;
    std::optional<gid_t> group_;
    server_limits limits_;
    std::size_t open_ = 0;
    std::size_t open_of_askers_ = 0;
};

} // namespace iscsid::ipc
