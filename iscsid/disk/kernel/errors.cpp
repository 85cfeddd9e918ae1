#include "iscsid/disk/kernel/errors.hpp"

namespace iscsid::disk {

const char* category_name(disk_errc /*any*/) {
    return "disk";
}

std::string_view message_of(disk_errc error) {
    switch (error) {
    case disk_errc::no_driver:
        return "no disk driver";
    case disk_errc::mount_failed:
        return "mount failed";
    case disk_errc::no_loop_device:
        return "no loop device";
    case disk_errc::attach_failed:
        return "disk not attached";
    case disk_errc::busy:
        return "disk is in use";
    case disk_errc::unknown_driver:
        return "unknown disk driver";
    case disk_errc::flush_failed:
        return "flush failed";
    case disk_errc::cannot_resize:
        return "no live resize";
    case disk_errc::cannot_adopt:
        return "cannot be taken over";
    case disk_errc::no_answer:
        return "no answer of the kernel";
    case disk_errc::cannot_follow:
        return "no live change";
    case disk_errc::helper_failed:
        return "disk helper";
    }
    return "unknown disk error";
}

} // namespace iscsid::disk
