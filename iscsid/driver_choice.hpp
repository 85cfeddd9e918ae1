#pragma once

#include "iscsid/device/registry.hpp"
#include "iscsid/disk/driver.hpp"
#include "iscsid/disk/fuse_way.hpp"

#include "libiscsi/admin/config.hpp"

#include <memory>
#include <string>
#include <vector>

namespace iscsid {

// The disk driver that iscsid.conf asks for. Without one the daemon runs all the same: discovery
// and records need none, and each login says what is missing.
struct chosen_driver {
    std::unique_ptr<disk::driver> driver;
    std::string why_none;
    std::vector<std::unique_ptr<disk::driver>> earlier; // for disks that were made otherwise
};

chosen_driver choose_driver(const disk::environment& where, const iscsi::admin::config& config);

// By which way requests to disks of fuse are to come (iscsid.disk.fuse_io_uring).
disk::ring_wish wanted_ring(const iscsi::admin::config& config);

// Whether new disks may have several sessions (iscsid.disk.share_sessions); a driver that knows no
// such disks is told of in the log.
bool shares_sessions(const chosen_driver& chosen, const iscsi::admin::config& config);

// The choice may have changed since those disks were made.
void add_earlier_drivers(
    chosen_driver& chosen,
    const std::vector<device::disk_state>& left,
    const disk::environment& where
);

} // namespace iscsid
