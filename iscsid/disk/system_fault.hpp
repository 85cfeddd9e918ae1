#pragma once

#include "iscsid/disk/driver.hpp"

#include <cerrno>
#include <system_error>

namespace iscsid::disk {

// A fault of this room about one system call: got is what errno says, now or as given.
inline iscsi::fault
system_fault(disk_errc code, std::string field, std::string expected, int error = errno) {
    return {
        iscsi::to_error_code(code),
        std::move(field),
        std::generic_category().message(error),
        std::move(expected)};
}

} // namespace iscsid::disk
