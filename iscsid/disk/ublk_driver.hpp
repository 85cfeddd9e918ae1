#pragma once

#include "iscsid/disk/driver.hpp"
#include "iscsid/disk/kernel/ublk_abi.hpp"

#include <functional>
#include <memory>
#include <string>

namespace iscsid::disk {

// /dev/ublkbN for each LUN. Needs lanes on io_uring. `waiter` outlives the driver. What must be
// known of disks of several sessions by a later daemon is below `runtime_folder`; `warn` hears when
// that is not there for a disk that goes on, on any thread; `unsettled` nullptr: the driver's own.
std::unique_ptr<driver> make_ublk_driver(
    helper& waiter,
    std::string runtime_folder,
    std::function<void(const std::string& words)> warn,
    std::shared_ptr<unsettled_units> unsettled
);

// Whether this kernel has the driver; loads its module when that helps. Faults: no_driver.
iscsi::result<void> ublk_is_here(helper& waiter);

// What the kernel is told of a LUN. Pure.
ublk::parameters ublk_parameters_of(const scsi::logical_unit& lun, std::uint32_t largest_io);

} // namespace iscsid::disk
