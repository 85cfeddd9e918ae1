#include "iscsid/os/descriptor_reserve.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace iscsid::os {

bool descriptor_reserve::open_pipe(std::array<int, 2>& ends) {
    if (::pipe2(ends.data(), O_CLOEXEC) == 0)
        return true;
    if (errno != EMFILE && errno != ENFILE)
        return false;
    const std::scoped_lock lock(guard_);
    for (auto& each : kept_)
        each.close();
    return ::pipe2(ends.data(), O_CLOEXEC) == 0;
}

void descriptor_reserve::refill() {
    const std::scoped_lock lock(guard_);
    for (auto& each : kept_)
        if (!each)
            each = descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

} // namespace iscsid::os
