#include "iscsid/session/memory_return.hpp"

#include "iscsid/sys/protect.hpp"

namespace iscsid::session {

namespace {

// Longer than between the ends of two sessions of one logout, and than what follows each of them.
constexpr auto pause_after_the_last = std::chrono::seconds(1);

} // namespace

void memory_return::session_ended() {
    timer_.expires_after(pause_after_the_last);
    timer_.async_wait([](const boost::system::error_code& cancelled) {
        if (!cancelled)
            sys::return_free_memory();
    });
}

} // namespace iscsid::session
