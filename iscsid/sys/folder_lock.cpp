#include "iscsid/sys/folder_lock.hpp"

#include "iscsid/os/system_fault.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

namespace iscsid::sys {

const char* category_name(folder_lock_errc /*unused*/) {
    return "folder lock";
}

std::string_view message_of(folder_lock_errc what) {
    switch (what) {
    case folder_lock_errc::taken:
        return "another iscsid works with this folder";
    case folder_lock_errc::cannot_lock:
        return "folder cannot be locked against another iscsid";
    }
    return "unknown";
}

iscsi::result<folder_lock> folder_lock::take(const std::filesystem::path& folder) {
    constexpr mode_t private_mode = 0700;
    static_cast<void>(::mkdir(folder.c_str(), private_mode)); // open() says what is wrong
    os::descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened)
        return os::system_fault(folder_lock_errc::cannot_lock, folder.string());
    if (::flock(opened.number(), LOCK_EX | LOCK_NB) == 0)
        return folder_lock(std::move(opened));
    if (errno == EWOULDBLOCK)
        return iscsi::fault{iscsi::to_error_code(folder_lock_errc::taken), folder.string(), {}, {}};
    return os::system_fault(folder_lock_errc::cannot_lock, folder.string());
}

} // namespace iscsid::sys
