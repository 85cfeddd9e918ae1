#pragma once

#include "iscsid/disk/helper.hpp"

#include "libiscsi/base/result.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace iscsid::disk {

// Where FUSE disks are mounted. Locked (flock(2)) as long as the daemon lives.
inline std::string disks_folder_in(const std::string& runtime_folder) {
    return runtime_folder + "/disks";
}

// What was left of a daemon.
struct stale_disks {
    std::vector<std::string> removed; // "loop3", and mount points
    std::vector<iscsi::fault> in_use; // give errors, and go with their mounts when they are closed
};

// Of a mount whose /dev/fuse was put into the store under that number: whether it is there now.
using is_kept_function = std::function<bool(std::uint64_t nonce)>;

// Ends the FUSE connections below <runtime_folder>/disks, whose daemon is dead even where the
// kernel does not know it because one of its threads hangs, and removes the loop devices and mounts
// that nobody uses; what is kept is left alone. For the start of the daemon, when no disk of its
// own exists. Waits up to two seconds for each one in use.
stale_disks clean_stale(
    helper& waiter, const std::string& runtime_folder, const is_kept_function& is_kept = {}
);

// For a daemon that ends and leaves disks behind: their connections are over from now on, whatever
// becomes of its process, but for those that are kept. What nobody uses then is removed; the kernel
// removes the rest when it is closed.
stale_disks give_up_disks(
    helper& waiter, const std::string& runtime_folder, const is_kept_function& is_kept = {}
);

} // namespace iscsid::disk
