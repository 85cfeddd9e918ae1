#include "iscsid/session/busy_poll.hpp"

#include <spdlog/spdlog.h>

#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69 // Linux 5.11
#endif

namespace iscsid::session {

namespace {

int set_number(int socket, int name, int value) {
    return ::setsockopt(socket, SOL_SOCKET, name, &value, sizeof value) == 0 ? 0 : errno;
}

} // namespace

void busy_poll::use(std::uint32_t microseconds) {
    if (microseconds_.exchange(microseconds) != microseconds)
        is_refusal_told_ = false;
}

void busy_poll::apply(int socket) {
    const std::uint32_t wanted = microseconds_;
    if (wanted == 0)
        return;
    const int refusal = set_number(socket, SO_BUSY_POLL, static_cast<int>(wanted));
    if (refusal == 0) {
        // Where the device defers its interrupts (napi_defer_hard_irqs) they stay off while it is
        // polled; elsewhere it does nothing, so that a kernel that refuses it is not worth a word.
        static_cast<void>(set_number(socket, SO_PREFER_BUSY_POLL, 1));
        return;
    }
    if (is_refusal_told_.exchange(true))
        return;
    spdlog::warn(
        "iscsid.busy_poll = {} has no effect, the kernel refuses SO_BUSY_POLL: {}{}",
        wanted,
        std::generic_category().message(refusal),
        refusal == EPERM ? "; more than net.core.busy_read takes CAP_NET_ADMIN" : ""
    );
}

} // namespace iscsid::session
