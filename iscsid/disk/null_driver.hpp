#pragma once

#include "iscsid/disk/driver.hpp"

namespace iscsid::disk {

// Makes no devices: sessions are logged in, their LUNs are known, nothing appears under /dev.
std::unique_ptr<driver> make_null_driver();

} // namespace iscsid::disk
