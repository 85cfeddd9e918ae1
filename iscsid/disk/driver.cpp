#include "iscsid/disk/driver.hpp"

#include "iscsid/disk/fuse_driver.hpp"
#include "iscsid/disk/null_driver.hpp"

#include <algorithm>
#include <array>

namespace iscsid::disk {

namespace {

using driver_result = iscsi::result<std::unique_ptr<driver>>;

constexpr std::array planned{"ublk", "nbd", "export"};

driver_result choose_fuse(const std::string& runtime_folder, std::string& reason) {
    if (const auto here = fuse_is_here(); !here)
        return here.error();
    reason += "a FUSE file under a loop device";
    return make_fuse_driver(runtime_folder);
}

} // namespace

driver_result
choose_driver(std::string_view wanted, const std::string& runtime_folder, std::string& reason) {
    reason.clear();
    if (wanted == "auto") {
        reason = "auto: of the drivers of this version this kernel has fuse, ";
        return choose_fuse(runtime_folder, reason);
    }
    if (wanted == "fuse") {
        reason = "as configured: ";
        return choose_fuse(runtime_folder, reason);
    }
    if (wanted == "none") {
        reason = "as configured: sessions without block devices";
        return make_null_driver();
    }
    const bool is_planned = std::ranges::find(planned, wanted) != planned.end();
    return iscsi::fault{
        iscsi::to_error_code(is_planned ? disk_errc::no_driver : disk_errc::unknown_driver),
        "iscsid.disk.driver",
        std::string(wanted) + (is_planned ? ", which is not built into this version" : ""),
        "auto, fuse or none"};
}

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
    }
    return "unknown disk error";
}

} // namespace iscsid::disk
