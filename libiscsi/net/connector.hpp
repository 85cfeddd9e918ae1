#pragma once

#include "libiscsi/net/resolver.hpp"
#include "libiscsi/net/stream.hpp"

namespace iscsi::net {

// How a connection is made, from the settings of one record.
struct connect_options {
    duration timeout = std::chrono::seconds(15); // for all addresses together
    std::uint32_t window_size = 0;               // SO_RCVBUF and SO_SNDBUF, 0: the system's choice
    std::string device;                          // SO_BINDTODEVICE, empty: any
    duration unanswered = std::chrono::seconds(30); // TCP_USER_TIMEOUT
};

// Both ends are kept: `-P 3` shows ours, redirections and logs name the peer.
struct connected {
    stream over;
    endpoint peer;
    endpoint local;
};

// Tries the addresses in their order; each gets an equal share of the time that is left. The
// socket has TCP_NODELAY, keepalive and TCP_USER_TIMEOUT and does not block.
// Faults: that of the last address tried (field: the address).
boost::asio::awaitable<result<connected>> connect(endpoints to, connect_options options);

// Gives the socket away, blocking again (what io_uring wants); -1 when it is not open. It belongs
// to the caller then.
// From then on nothing of Asio refers to it.
int release(stream& over);

// close() then resets the connection instead of lingering: after an error the peer must not wait.
void reset_on_close(stream& over);

} // namespace iscsi::net
