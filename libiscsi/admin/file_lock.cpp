#include "libiscsi/admin/file_lock.hpp"

#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/lock_holder.hpp"

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

std::string holder_of(int file) {
    const auto holder = find_lock_holder(file);
    return holder ? holder->text() : std::string();
}

// One wait for one lock: who is told of it, and what it ends with.
class wait_for_lock {
  public:
    wait_for_lock(int file, std::filesystem::path path, const lock_listener& tell)
        : file_(file), path_(std::move(path)), tell_(tell) {}

    wait_for_lock(const wait_for_lock&) = delete;
    wait_for_lock& operator=(const wait_for_lock&) = delete;

    ~wait_for_lock() {
        if (told_.count() > 0)
            tell_({path_, {}, told_, true});
    }

    // Still held.
    void go_on() {
        const auto waited = std::chrono::duration_cast<std::chrono::seconds>(clock::now() - since_);
        if (!tell_ || waited <= told_)
            return;
        told_ = waited;
        tell_({path_, holder_of(file_), waited, false});
    }

    bool lasts(std::chrono::milliseconds patience) const {
        return clock::now() - since_ < patience;
    }

    fault too_long(std::chrono::milliseconds patience) const {
        const std::string holder = holder_of(file_);
        return {
            to_error_code(file_errc::lock_failed),
            path_,
            "process " + std::to_string(::getpid()) + " waited " +
                std::to_string(patience.count()) + " ms for " +
                (holder.empty() ? "another one that is changing the records"
                                : holder + ", which is changing the records"),
            holder.empty() ? "a free lock (fuser shows who holds it)" : "a free lock"};
    }

  private:
    int file_;
    std::filesystem::path path_;
    const lock_listener& tell_;
    clock::time_point since_ = clock::now();
    std::chrono::seconds told_{0};
};

} // namespace

result<file_lock> file_lock::take(
    const std::filesystem::path& path, std::chrono::milliseconds patience, const lock_listener& tell
) {
    // O_NOFOLLOW: a link in place of the lock would let us create a file anywhere.
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, lock_mode);
    if (file < 0)
        return system_fault(file_errc::write_failed, path, errno);
    file_lock lock(file);
    wait_for_lock wait(file, path, tell);
    auto pause = first_pause;
    while (try_lock(file) != 0) {
        if (!is_held(errno))
            return system_fault(file_errc::lock_failed, path, errno);
        if (!wait.lasts(patience))
            return wait.too_long(patience);
        wait.go_on();
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
