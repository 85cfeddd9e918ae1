#include "iscsid/disk/kernel/fuse_calls.hpp"

#include "iscsid/disk/kernel/mount_table.hpp"
#include "iscsid/disk/kernel/system_fault.hpp"
#include "iscsid/disk/kernel/waiting.hpp"
#include "iscsid/os/descriptor.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <string_view>

namespace iscsid::disk {

namespace {

constexpr std::chrono::seconds time_to_unmount{2};
constexpr const char* fusectl = "/sys/fs/fuse/connections";

bool write_abort(std::uint32_t connection) {
    const std::string path = fusectl + ("/" + std::to_string(connection)) + "/abort";
    const os::descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    return file && ::write(file.number(), "1", 1) == 1;
}

// Private first: what is mounted then shows nowhere else, and ends with this process.
bool mount_fusectl_for_ourselves() {
    return ::unshare(CLONE_NEWNS) == 0 &&
           ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           ::mount("none", fusectl, "fusectl", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0;
}

// Not busy any more is as good: then it was unmounted, and the connection has ended.
bool force(const std::string& path) {
    return ::umount2(path.c_str(), MNT_FORCE | UMOUNT_NOFOLLOW) == 0 || errno == EBUSY;
}

} // namespace

// The loop driver may drop its reference a moment after it is unbound: then EBUSY is not final.
iscsi::result<void> unmount(const std::string& path) {
    const auto unmounted = [&path] {
        return ::umount2(path.c_str(), UMOUNT_NOFOLLOW) == 0 || errno != EBUSY;
    };
    const bool in_time = wait_until(time_to_unmount, unmounted);
    if (!in_time) {
        force(path);
        ::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
    }
    ::unlink(path.c_str());
    if (in_time)
        return {};
    return system_fault(disk_errc::busy, "umount of " + path, "a mount that nobody uses", EBUSY);
}

iscsi::result<void> abort_connection(const std::string& path) {
    const auto mounted = mount_on(path);
    if (!mounted || write_abort(mounted->connection))
        return {};
    if (mount_fusectl_for_ourselves() && write_abort(mounted->connection))
        return {};
    if (force(path))
        return {};
    return system_fault(disk_errc::mount_failed, "abort of " + path, "fusectl or a forced umount");
}

} // namespace iscsid::disk
