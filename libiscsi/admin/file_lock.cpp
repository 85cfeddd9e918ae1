#include "libiscsi/admin/file_lock.hpp"

#include "libiscsi/admin/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

namespace iscsi::admin {

namespace {

using clock = std::chrono::steady_clock;

// A change takes a few milliseconds, most of them in fsync. Whoever waits looks again twice as late
// each time: hundreds that wait must not take the processor from the one that they wait for.
constexpr std::chrono::milliseconds first_pause{1};
constexpr std::chrono::milliseconds longest_pause{32};
constexpr mode_t lock_mode = 0600;

int try_lock(int file) {
    struct flock whole {};

    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    return ::fcntl(file, F_OFD_SETLK, &whole);
}

// EACCES is the other name that POSIX allows for a lock that is held.
bool is_held(int error) {
    return error == EAGAIN || error == EACCES || error == EINTR;
}

fault held_too_long(const std::filesystem::path& file, std::chrono::milliseconds patience) {
    const auto waited = std::to_string(patience.count());
    return {
        to_error_code(file_errc::lock_failed),
        file,
        "process " + std::to_string(::getpid()) + " waited " + waited +
            " ms for another one that is changing the records",
        "a free lock (fuser shows who holds it)"};
}

} // namespace

result<file_lock>
file_lock::take(const std::filesystem::path& path, std::chrono::milliseconds patience) {
    // O_NOFOLLOW: a link in place of the lock would let us create a file anywhere.
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, lock_mode);
    if (file < 0)
        return system_fault(file_errc::write_failed, path, errno);
    file_lock lock(file);
    const auto end = clock::now() + patience;
    auto pause = first_pause;
    while (try_lock(file) != 0) {
        if (!is_held(errno))
            return system_fault(file_errc::lock_failed, path, errno);
        if (clock::now() >= end)
            return held_too_long(path, patience);
        std::this_thread::sleep_for(pause);
        pause = std::min(2 * pause, longest_pause);
    }
    return lock;
}

file_lock::file_lock(file_lock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

file_lock::~file_lock() {
    if (file_ >= 0)
        ::close(file_);
}

} // namespace iscsi::admin
