#pragma once

#include "iscsid/device/scanner.hpp"
#include "iscsid/session/disks.hpp"
#include "iscsid/session/removal.hpp"

#include <string>
#include <vector>

namespace iscsid::session {

// What a scan of a session means for its disks.
struct disk_changes {
    struct mismatch {
        std::uint64_t lun_number = 0;
        std::string why;
        bool is_unknown = false; // nobody could look; else it is another LUN
    };

    lane::session_key sid = 0;
    std::vector<device::disk_state> attach; // LUNs without a disk
    std::vector<device::disk_state> adopt;  // disks that an earlier daemon has left
    std::vector<device::disk_state> leave;  // the same, to be taken over after a later look
    std::vector<std::uint64_t> replace;     // disks whose device is lost
    std::vector<std::uint64_t> remove;      // LUNs that are gone
    std::vector<device::found_lun> refresh; // what was seen of those that are or become disks
    std::vector<mismatch> to_fail;          // perhaps another LUN under an old number
    std::vector<std::uint64_t> to_restore;  // the old one is back
};

// `whose` has the words of the session for new states. An orphan that is another LUN now, or
// cannot be looked at, is adopted with all its requests failing: its users must hear errors, not
// wait for ever. Pure.
disk_changes changes_of(
    const std::vector<attached_disk>& disks,
    const std::vector<device::disk_state>& orphans,
    const device::scan_result& seen,
    const device::disk_state& whose,
    bool attach_new
);

// Orphans whose LUN could not say what it is now stay what they are, and their users wait, instead
// of being taken over with all its requests failing. Pure.
void leave_unanswered(disk_changes& changes, const device::scan_result& seen);

struct change_report {
    std::vector<attached_disk> disks; // as they are now
    std::vector<std::string> news;    // lines for the log
    std::vector<std::string> troubles;
    std::vector<std::string> warnings; // as the disks are now: for whoever asked for the scan
};

// Blocks: for a worker only. A disk in use is never removed.
change_report apply_changes(
    const disk_tools& with,
    lane::lane& where,
    std::vector<attached_disk> disks,
    disk_changes changes
);

} // namespace iscsid::session
