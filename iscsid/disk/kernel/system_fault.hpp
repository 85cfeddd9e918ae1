#pragma once

#include "iscsid/disk/kernel/errors.hpp"
#include "iscsid/os/system_fault.hpp"

#include "libiscsi/base/result.hpp"

#include <chrono>
#include <exception>
#include <string>
#include <utility>

namespace iscsid::disk {

using os::system_fault;

// A device that was made, or found, and is not what was asked for.
inline iscsi::fault not_as_wanted(std::string field, std::string got, std::string expected) {
    return {
        iscsi::to_error_code(disk_errc::attach_failed),
        std::move(field),
        std::move(got),
        std::move(expected)};
}

// The kernel's scan for partitions was not answered within that time.
inline iscsi::fault no_answer_from_lun(std::string field, std::chrono::milliseconds limit) {
    return {
        iscsi::to_error_code(disk_errc::attach_failed),
        std::move(field),
        "no answer from the LUN",
        "one within " + std::to_string(limit.count()) + " ms"};
}

// Threads and memory may be refused; the library says that by throwing.
template <class Work>
auto without_exceptions(Work work) -> decltype(work()) {
    try {
        return work();
    } catch (const std::exception& error) {
        return iscsi::fault{
            iscsi::to_error_code(disk_errc::attach_failed),
            "resources of a disk",
            error.what(),
            "memory and threads"};
    }
}

} // namespace iscsid::disk
