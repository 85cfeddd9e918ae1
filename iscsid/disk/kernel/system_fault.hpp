#pragma once

#include "iscsid/disk/kernel/errors.hpp"

#include "libiscsi/base/result.hpp"

#include <cerrno>
#include <chrono>
#include <exception>
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
