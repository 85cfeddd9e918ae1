#pragma once

#include "iscsid/disk/driver.hpp"
#include "iscsid/disk/fuse_answers.hpp"

namespace iscsid::disk {

// One FUSE file on <runtime_folder>/disks for each LUN, with a loop device on top. `shape` is for
// measurements.
std::unique_ptr<driver> make_fuse_driver(std::string runtime_folder, fuse_shape shape = {});

// Whether this kernel and container have what it takes. Faults: no_driver, naming the device.
iscsi::result<void> fuse_is_here();

} // namespace iscsid::disk
