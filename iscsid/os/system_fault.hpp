#pragma once

#include "libiscsi/base/result.hpp"

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace iscsid::os {

// A fault of one system call by the error enum of the room that makes it: `field` is what it was
// about, `got` what errno says, now or as given.
template <class Enum>
iscsi::fault
system_fault(Enum code, std::string field, std::string expected = {}, int error = errno) {
    return {
        iscsi::to_error_code(code),
        std::move(field),
        std::generic_category().message(error),
        std::move(expected)};
}

} // namespace iscsid::os
