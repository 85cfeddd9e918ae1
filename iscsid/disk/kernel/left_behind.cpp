#include "iscsid/disk/kernel/left_behind.hpp"

#include "iscsid/disk/kernel/loop_device.hpp"
#include "iscsid/disk/kernel/mount_table.hpp"
#include "iscsid/disk/kernel/waiting.hpp"
#include "iscsid/os/descriptor.hpp"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include <cerrno>
#include <chrono>

namespace iscsid::disk {

namespace {

// Between the end of the daemon's socket and that of its lock the kernel closes its other files.
constexpr std::chrono::seconds lock_limit{2};

// STATFS is never answered from a cache. Where requests come by io_uring, the one that a thread was
// to get at its end is cancelled.
bool is_dead(const os::descriptor& mount) {
    struct statfs about {};

    return ::fstatfs(mount.number(), &about) != 0 &&
           (errno == ENOTCONN || errno == ECONNABORTED || errno == ECANCELED);
}

// The mark to vanish at its last close; that is ours when nobody else has it. While it is open
// nobody can bind it to another file.
void mark(const std::string& node, const std::string& file) {
    const std::string path = "/dev/" + node;
    const os::descriptor device(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!device || backing_file_of(node) != file)
        return;
    ::ioctl(device.number(), LOOP_CLR_FD);
}

void mark_loops_over(const std::string& file) {
    for (const auto& node : loop_nodes()) {
        if (backing_file_of(node) != file)
            continue;
        mark(node, file);
        if (backing_file_of(node).empty())
            delete_partitions(node);
    }
}

} // namespace

// By its descriptor, so that it is this very mount.
void let_go_of_dead(const std::string& folder, const std::string& ended) {
    for (const auto& each : mounts_below(folder + "/")) {
        if (kept_nonce(each.source) && each.path != ended)
            continue;
        const os::descriptor root(::open(each.path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        if (!root || !is_dead(root))
            continue;
        mark_loops_over(each.path);
        const std::string link = "/proc/self/fd/" + std::to_string(root.number());
        if (::umount2(link.c_str(), MNT_DETACH) == 0)
            ::unlink(each.path.c_str());
    }
}

void let_go_when_unlocked(const std::string& folder) {
    const os::descriptor locked(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!locked)
        return;
    const auto is_ours = [&locked] { return ::flock(locked.number(), LOCK_EX | LOCK_NB) == 0; };
    if (wait_until(lock_limit, is_ours))
        let_go_of_dead(folder);
}

} // namespace iscsid::disk
