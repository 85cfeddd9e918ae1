#pragma once

#include <string_view>

namespace iscsid::disk {

// Why a disk could not be made, changed or removed.
enum class disk_errc {
    no_driver = 1,
    mount_failed,
    no_loop_device,
    attach_failed,
    busy,
    unknown_driver,
    flush_failed,
    cannot_resize,
    cannot_adopt
};

const char* category_name(disk_errc);
std::string_view message_of(disk_errc);

} // namespace iscsid::disk
