#include "iscsid/session/disks.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace iscsid::session {

namespace {

// Mounted, swap, or held by another device (LVM, RAID): an exclusive open tells, without a race
// and without a walk through /sys. Reading only, so that udev does not take it for a change.
bool is_in_use(const disk::disk& what) {
    if (what.node().empty())
        return false;
    const std::string path = "/dev/" + what.node();
    const int fd = ::open(path.c_str(), O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == EBUSY;
    ::close(fd);
    return false;
}

std::string words_of(const attached_disk& disk, const std::string& what) {
    return fmt::format("LUN {} ({}): {}", disk.request.lun_number, disk.device->node(), what);
}

bool is_busy(const iscsi::fault& why) {
    return why.code == iscsi::to_error_code(disk::disk_errc::busy);
}

void attach_again(disk::driver& with, lane::lane& where, std::vector<attached_disk>& disks) {
    for (auto& each : disks) {
        if (each.device)
            continue;
        if (auto made = with.attach(where, each.request); made.has_value())
            each.device = *std::move(made);
    }
    std::erase_if(disks, [](const auto& each) { return !each.device; });
}

} // namespace

attach_report
attach_all(disk::driver& with, lane::lane& where, std::vector<disk::disk_request> requests) {
    attach_report report;
    for (auto& each : requests) {
        auto made = with.attach(where, each);
        if (made.has_error())
            report.failures.push_back(
                fmt::format("LUN {}: {}", each.lun_number, made.error().text())
            );
        else
            report.disks.push_back({std::move(each), *std::move(made)});
    }
    return report;
}

removal_report remove_all(disk::driver& with, lane::lane& where, std::vector<attached_disk> disks) {
    removal_report report;
    report.left = std::move(disks);
    // Looked at first, so that an ordinary mount is refused before anything changes.
    for (const auto& each : report.left)
        if (is_in_use(*each.device)) {
            report.refusal = words_of(each, "device is in use");
            return report;
        }
    for (auto& each : report.left) {
        const auto removed = each.device->remove();
        if (removed.has_error() && is_busy(removed.error())) {
            report.refusal = words_of(each, removed.error().text());
            attach_again(with, where, report.left);
            return report;
        }
        if (removed.has_error())
            report.losses.push_back(words_of(each, removed.error().text()));
        each.device.reset();
    }
    report.left.clear();
    return report;
}

std::vector<disk::disk_request> requests_for(
    lane::session_key session,
    const std::string& target,
    const std::vector<device::found_lun>& found
) {
    std::vector<disk::disk_request> requests;
    requests.reserve(found.size());
    for (const auto& each : found)
        requests.push_back({session, each.lun, each.number, target, each.properties, {}});
    return requests;
}

} // namespace iscsid::session
