#pragma once

#include "iscsid/disk/driver.hpp"
#include "iscsid/disk/fuse_answers.hpp"
#include "iscsid/disk/fuse_way.hpp"
#include "iscsid/disk/helper.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace iscsid::disk {

// How long each step may take before it is given up.
struct fuse_patience {
    std::chrono::milliseconds attach = std::chrono::seconds(30); // with a scan for partitions
    std::chrono::milliseconds flush = std::chrono::hours(24);    // the session ends it before
    std::chrono::milliseconds users = std::chrono::seconds(2);   // that look at it for a moment
    std::chrono::milliseconds lane = std::chrono::seconds(10);   // to let go of a file
};

// The defaults are what was measured best; others are for measurements and tests.
struct fuse_settings {
    fuse_shape shape{};
    fuse_patience patience{};

    // Where each /dev/fuse waits for the next daemon, so that the disk outlives this one; none: it
    // does not. Outlives the driver.
    os::descriptor_store* kept = nullptr;

    ring_wish ring = ring_wish::no;
    bool has_io_uring = true; // the lanes have

    // Hears, on any thread, of what has ended a disk.
    std::function<void(const std::string& words)> tell{};
};

// One FUSE file on <runtime_folder>/disks for each LUN, with a loop device on top. `waiter`
// outlives the driver.
std::unique_ptr<driver>
make_fuse_driver(helper& waiter, std::string runtime_folder, const fuse_settings& settings = {});

// Whether this kernel and container have what it takes. Faults: no_driver, naming the device.
iscsi::result<void> fuse_is_here(helper& waiter);

} // namespace iscsid::disk
