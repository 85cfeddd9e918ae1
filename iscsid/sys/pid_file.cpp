#include "iscsid/sys/pid_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace iscsid::sys {

const char* category_name(pid_file_errc /*unused*/) {
    return "pid file";
}

std::string_view message_of(pid_file_errc what) {
    switch (what) {
    case pid_file_errc::taken:
        return "another iscsid is running";
    case pid_file_errc::cannot_write:
        return "PID file cannot be written";
    }
    return "unknown";
}

namespace {

iscsi::fault cannot_write(const std::filesystem::path& path) {
    return {
        iscsi::to_error_code(pid_file_errc::cannot_write),
        path.string(),
        std::generic_category().message(errno),
        {}};
}

// For the fault: who holds the lock, as far as the file knows.
std::string content(int fd) {
    std::array<char, 32> text{};
    const ssize_t n = ::pread(fd, text.data(), text.size(), 0);
    std::string found(text.data(), n > 0 ? static_cast<std::size_t>(n) : 0U);
    return found.substr(0, found.find('\n'));
}

bool write_own_pid(int fd) {
    const std::string text = std::to_string(::getpid()) + "\n";
    return ::ftruncate(fd, 0) == 0 &&
           ::pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
}

} // namespace

// Locked before it is written: the file of a running daemon is never changed.
iscsi::result<pid_file> pid_file::take(const std::filesystem::path& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return cannot_write(path);
    pid_file taken({}, fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0)
        return iscsi::fault{
            iscsi::to_error_code(pid_file_errc::taken), path.string(), "PID " + content(fd), {}};
    taken.path_ = path;
    if (!write_own_pid(fd))
        return cannot_write(path);
    return taken;
}

pid_file::pid_file(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}

pid_file::pid_file(pid_file&& other) noexcept
    : path_(std::exchange(other.path_, {})), fd_(std::exchange(other.fd_, -1)) {}

pid_file::~pid_file() {
    if (!path_.empty())
        static_cast<void>(::unlink(path_.c_str()));
    if (fd_ >= 0)
        ::close(fd_);
}

} // namespace iscsid::sys
