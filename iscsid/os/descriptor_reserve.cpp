#include "iscsid/os/descriptor_reserve.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
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

std::uint64_t kept_from_guests(std::uint64_t limit) {
    return std::min<std::uint64_t>(128, limit / 4);
}

bool takes_what_is_kept(int descriptor_of_guest) {
    rlimit now{};
    if (::getrlimit(RLIMIT_NOFILE, &now) != 0)
        return false;
    const std::uint64_t for_guests = now.rlim_cur - kept_from_guests(now.rlim_cur);
    return static_cast<std::uint64_t>(descriptor_of_guest) >= for_guests;
}

} // namespace iscsid::os
