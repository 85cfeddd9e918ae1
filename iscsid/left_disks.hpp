#pragma once

#include "iscsid/device/registry.hpp"
#include "iscsid/disk/helper.hpp"
#include "iscsid/sys/kept_descriptors.hpp"

#include <string>

// The disks that an earlier daemon has left: those that go on, and what remains of others.
namespace iscsid {

// What the registry knows of disks that still are there. Of FUSE those whose /dev/fuse systemd has
// kept; what it has kept of others is let go of. `kept`: nullptr where nothing is kept.
device::registry::loaded load_left_disks(const device::registry& from, sys::kept_descriptors* kept);

// Cleans up after a daemon that was killed. At the start, after load_left_disks(), with all rights.
void clean_up_left_disks(
    disk::helper& waiter, const std::string& runtime_folder, const sys::kept_descriptors* kept
);

// Before the end of a daemon that leaves disks behind which nobody keeps.
void give_up_left_disks(
    disk::helper& waiter, const std::string& runtime_folder, const sys::kept_descriptors* kept
);

} // namespace iscsid
