#include "iscsiadm/start/users_file.hpp"

#include "libiscsi/admin/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <utility>

namespace iscsi::start {

namespace {

bool lock(int file, short kind, std::string_view what) {
    constexpr std::size_t most_bytes = 1U << 30U;

    struct flock byte {};

    byte.l_type = kind;
    byte.l_whence = SEEK_SET;
    byte.l_start = static_cast<off_t>(std::hash<std::string_view>()(what) % most_bytes);
    byte.l_len = 1;
    return ::fcntl(file, F_OFD_SETLK, &byte) == 0;
}

} // namespace

result<users_file> users_file::open(const std::filesystem::path& file) {
    constexpr mode_t mode = 0600;
    const int opened = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
    if (opened < 0)
        return admin::system_fault(admin::file_errc::write_failed, file, errno);
    return users_file(opened);
}

users_file::users_file(users_file&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

users_file::~users_file() {
    if (file_ >= 0)
        ::close(file_);
}

void users_file::use(std::string_view what) const {
    static_cast<void>(lock(file_, F_RDLCK, what));
}

bool users_file::leave(std::string_view what) const {
    const bool is_last = lock(file_, F_WRLCK, what);
    static_cast<void>(lock(file_, F_UNLCK, what));
    return is_last;
}

} // namespace iscsi::start
