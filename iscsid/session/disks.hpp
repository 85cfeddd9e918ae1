#pragma once

#include "iscsid/device/scanner.hpp"
#include "iscsid/disk/driver.hpp"

#include <memory>
#include <string>
#include <vector>

namespace iscsid::session {

// A LUN that is a block device now. The request is kept, to attach it again.
struct attached_disk {
    disk::disk_request request;
    std::unique_ptr<disk::disk> device;
};

struct attach_report {
    std::vector<attached_disk> disks;
    std::vector<std::string> failures; // one line each: which LUN, why
};

// Blocks: for a worker only. A LUN that cannot be attached does not stop the others.
attach_report
attach_all(disk::driver& with, lane::lane& where, std::vector<disk::disk_request> requests);

struct removal_report {
    std::vector<attached_disk> left; // still attached, or attached again
    std::string refusal;             // empty: all are gone
    std::vector<std::string> losses; // gone, but what was written may not be on the medium
};

// Blocks: for a worker only. Removes all disks or, when one is in use, none: those that were gone
// already are attached again.
removal_report remove_all(disk::driver& with, lane::lane& where, std::vector<attached_disk> disks);

// The requests for the LUNs that a scan found.
std::vector<disk::disk_request> requests_for(
    lane::session_key session,
    const std::string& target,
    const std::vector<device::found_lun>& found
);

} // namespace iscsid::session
