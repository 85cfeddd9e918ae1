#pragma once

#include "iscsid/disk/driver.hpp"

namespace iscsid::disk {

// A device of the kernel's NBD client for each LUN, served over a socket pair. `waiter`
// outlives the driver.
std::unique_ptr<driver> make_nbd_driver(helper& waiter);

// Whether this kernel has the client; loads its module when that helps. Faults: no_driver.
iscsi::result<void> nbd_is_here(helper& waiter);

} // namespace iscsid::disk
