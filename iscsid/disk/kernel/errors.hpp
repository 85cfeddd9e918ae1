#pragma once

#include <cstdint>
#include <string_view>

namespace iscsid::disk {

// Why a disk could not be made, changed or removed.
enum class disk_errc {
    no_driver = 1,
    mount_failed,
    no_loop_device,
    attach_failed,
    busy, // somebody has the device open or mounted; nothing has changed
    unknown_driver,
    flush_failed, // the device is gone, but not all that was written is known to be on the medium
    cannot_resize,
    cannot_adopt,
    no_answer,     // the kernel has not ended a call within the time that it was given
    cannot_follow, // what the kernel shows is fixed for the life of the device
    helper_failed, // the process that waits for the kernel is missing, or speaks otherwise
};

const char* category_name(disk_errc);
std::string_view message_of(disk_errc);

// Whether the number is one of the codes.
constexpr bool is_disk_errc(std::uint64_t code) {
    return code >= 1 && code <= static_cast<std::uint64_t>(disk_errc::helper_failed);
}

} // namespace iscsid::disk
