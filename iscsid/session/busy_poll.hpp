#pragma once

#include <atomic>
#include <cstdint>

namespace iscsid::session {

// SO_BUSY_POLL of the sockets of all sessions (iscsid.busy_poll): the kernel then looks into the
// queue of the network device itself when a receive finds nothing, instead of waiting for the
// interrupt. A socket keeps what it got when it was connected.
class busy_poll {
  public:
    // For sockets from now on. 0: they stay as the system has them (net.core.busy_read).
    void use(std::uint32_t microseconds);

    // A kernel that refuses is told of once for each value, and the socket works without. More than
    // net.core.busy_read takes CAP_NET_ADMIN.
    void apply(int socket);

  private:
    std::atomic<std::uint32_t> microseconds_{0};
    std::atomic<bool> is_refusal_told_ = false;
};

} // namespace iscsid::session
