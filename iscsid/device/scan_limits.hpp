#pragma once

#include "libiscsi/core/parameters.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>

namespace iscsid::device {

// How long a logical unit that is busy or becoming ready is waited for, per command: pauses that
// start with `first_pause` and double up to `longest_pause`.
struct patience {
    std::chrono::milliseconds first_pause{100};
    std::chrono::milliseconds longest_pause{1000};
    unsigned pauses = 20;
};

// What bounds a scan. Its time is about that of its slowest units: at most
// `per_unit` × ⌈units ÷ at_a_time⌉, and at most `whole` whatever the target does.
struct scan_limits {
    patience waiting{};
    unsigned at_a_time = 32;                    // units that are looked at side by side, at least 1
    std::chrono::milliseconds per_unit{10'000}; // a unit that has not said by then what it is
    std::chrono::milliseconds whole{60'000};    // units that were not asked by then are not asked
};

// The time of a scan. Tests have one that does not pass by itself.
class scan_clock {
  public:
    virtual ~scan_clock() = default;
    virtual iscsi::instant now() const = 0;

    // Ends early when the coroutine is cancelled.
    virtual boost::asio::awaitable<void> sleep(iscsi::duration time) const = 0;
};

// The steady clock of the system.
const scan_clock& system_clock();

} // namespace iscsid::device
