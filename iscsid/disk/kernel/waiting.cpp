#include "iscsid/disk/kernel/waiting.hpp"

#include <algorithm>
#include <thread>

namespace iscsid::disk {

using std::chrono::milliseconds;

bool wait_until(milliseconds limit, const std::function<bool()>& condition) {
    constexpr milliseconds longest_pause{100};
    const auto end = std::chrono::steady_clock::now() + limit;
    for (milliseconds pause{1};; pause = std::min(2 * pause, longest_pause)) {
        if (condition())
            return true;
        if (std::chrono::steady_clock::now() >= end)
            return false;
        std::this_thread::sleep_for(pause);
    }
}

} // namespace iscsid::disk
