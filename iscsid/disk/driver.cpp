#include "iscsid/disk/driver.hpp"

#include "iscsid/disk/export_driver.hpp"
#include "iscsid/disk/fuse_driver.hpp"
#include "iscsid/disk/nbd_driver.hpp"
#include "iscsid/disk/null_driver.hpp"
#include "iscsid/disk/ublk_driver.hpp"

#include <algorithm>
#include <array>

namespace iscsid::disk {

namespace {

using driver_result = iscsi::result<std::unique_ptr<driver>>;

// One driver: whether this kernel has it, and how it is made.
struct candidate {
    std::string_view name;
    std::string_view words;
    iscsi::result<void> (*is_here)(helper& waiter);
    std::unique_ptr<driver> (*make)(const environment& where);
    bool needs_io_uring = false;
};

// The best first.
constexpr std::array candidates{
    candidate{
        "ublk",
        "/dev/ublkbN",
        ublk_is_here,
        [](const environment& where) {
            return make_ublk_driver(
                *where.waiter, where.runtime_folder, where.warn, where.unsettled
            );
        },
        true},
    candidate{
        "nbd",
        "/dev/nbdN",
        nbd_is_here,
        [](const environment& where) { return make_nbd_driver(*where.waiter); }},
    candidate{
        "fuse",
        "a FUSE file under a loop device",
        fuse_is_here,
        [](const environment& where) {
            fuse_settings settings;
            settings.kept = where.kept;
            settings.ring = where.fuse_ring;
            settings.has_io_uring = where.has_io_uring;
            settings.tell = where.tell;
            return make_fuse_driver(*where.waiter, where.runtime_folder, settings);
        }},
};

iscsi::result<void> check(const candidate& which, const environment& where) {
    if (which.needs_io_uring && !where.has_io_uring)
        return iscsi::fault{
            iscsi::to_error_code(disk_errc::no_driver),
            std::string(which.name),
            "no io_uring",
            "it"};
    if (where.waiter == nullptr)
        return iscsi::fault{
            iscsi::to_error_code(disk_errc::no_driver),
            std::string(which.name),
            "no disk helper",
            "one (iscsid-disk-helper)"};
    return which.is_here(*where.waiter);
}

driver_result make(const candidate& which, const environment& where, std::string& reason) {
    auto made = which.make(where);
    if (const auto more = made->words(); !more.empty())
        reason += "; " + more;
    return made;
}

driver_result choose_best(const environment& where, std::string& reason) {
    std::string missing;
    iscsi::fault last;
    for (const candidate& each : candidates) {
        const auto here = check(each, where);
        if (here) {
            reason = "auto: " + std::string(each.name) + ", " + std::string(each.words) + missing +
                     (missing.empty() ? "" : ")");
            return make(each, where, reason);
        }
        last = here.error();
        missing += (missing.empty() ? " (no " : ", no ") + std::string(each.name) + ": " +
                   last.field + ": " + last.got;
    }
    last.field = "iscsid.disk.driver auto";
    last.got = missing.substr(2);
    return last;
}

} // namespace

driver_result
choose_driver(std::string_view wanted, const environment& where, std::string& reason) {
    reason.clear();
    if (wanted == "auto")
        return choose_best(where, reason);
    reason = "as configured: ";
    if (wanted == "none") {
        reason += "sessions without block devices";
        return make_null_driver();
    }
    if (wanted == "export") {
        reason += "an NBD server on a unix socket for each LUN";
        return make_export_driver(where.runtime_folder, where.export_access);
    }
    const auto found = std::ranges::find(candidates, wanted, &candidate::name);
    if (found == candidates.end())
        return iscsi::fault{
            iscsi::to_error_code(disk_errc::unknown_driver),
            "iscsid.disk.driver",
            std::string(wanted),
            "auto, ublk, nbd, fuse, export or none"};
    if (const auto here = check(*found, where); !here)
        return here.error();
    reason += std::string(found->name) + ", " + std::string(found->words);
    return make(*found, where, reason);
}

iscsi::result<void> disk::resize(const scsi::logical_unit& now) {
    return iscsi::fault{
        iscsi::to_error_code(disk_errc::cannot_resize),
        node(),
        std::to_string(now.size()) + " bytes",
        "the same size until the next login"};
}

iscsi::result<void> disk::set_read_only(const scsi::logical_unit& now) {
    return iscsi::fault{
        iscsi::to_error_code(disk_errc::cannot_follow),
        node(),
        now.read_only ? "read-only" : "writable",
        "as it is until the next login"};
}

ownership driver::owner_of(const disk_request& /*what*/, const std::string& /*node*/) const {
    return {};
}

iscsi::result<std::unique_ptr<disk>>
driver::adopt(lane::lane& /*where*/, const disk_request& /*what*/, const std::string& node) {
    return iscsi::fault{
        iscsi::to_error_code(disk_errc::cannot_adopt),
        node,
        std::string(name()),
        "a driver whose devices outlive the daemon"};
}

iscsi::result<std::unique_ptr<disk>> driver::attach_shared(const std::vector<disk_path>& paths) {
    return attach(*paths.front().where, paths.front().what);
}

iscsi::result<std::unique_ptr<disk>>
driver::adopt_shared(const std::vector<disk_path>& paths, const std::string& node) {
    return adopt(*paths.front().where, paths.front().what, node);
}

} // namespace iscsid::disk
