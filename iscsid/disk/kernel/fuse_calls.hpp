#pragma once

#include "libiscsi/base/result.hpp"

#include <string>

// What is done with a FUSE mount by its path, also when its server is no more or does not answer.
namespace iscsid::disk {

// Unmounts, by force if it must be, and removes the mount point. Waits up to two seconds for the
// loop driver to drop its reference. Faults: busy (it is only detached, and goes at its last
// close).
iscsi::result<void> unmount(const std::string& path);

// Ends the connection of the mount on that path: whoever waits for its server, also what a signal
// does not reach, gets an error at once. Goes through fusectl by the number of the mount's device;
// where fusectl is not mounted it is mounted in a mount namespace that the calling process makes
// for itself, so only for a process that ends soon. Where the kernel refuses that, a forced
// umount(2) has the same effect. Faults: mount_failed when neither worked. No mount there: nothing
// to do.
iscsi::result<void> abort_connection(const std::string& path);

} // namespace iscsid::disk
