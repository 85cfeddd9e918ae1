#pragma once

#include "iscsid/session/disks.hpp"
#include "iscsid/session/removal_progress.hpp"

// Taking disks away without losing a word about what that costs.
namespace iscsid::session {

struct removal_report {
    std::vector<attached_disk> left; // still attached, or attached again
    std::string refusal;             // empty: all are gone
    std::vector<std::string> losses; // gone, and data that users were promised may be lost
    std::vector<std::string> notes;  // gone, not quite as it should be, but nothing is lost
};

// Whether a disk that is mounted, swap, or held by another device may be taken away.
enum class users : std::uint8_t { are_respected, are_ignored };

struct removal_orders {
    users whose = users::are_respected;
    std::shared_ptr<removal_progress> progress{}; // to be told of it; nullptr: nobody looks
};

// Removes all disks or, when one is in use and that matters, none: those that were gone already
// are attached again. Blocks until the kernel lets go, which may wait for the target: for a worker
// only.
//
// A last flush that fails is a loss only when the ledger of the unit has writes that no earlier
// flush covers, or when writes that the kernel still held have failed. A RESERVATION CONFLICT, and
// a unit that the target has removed, are no losses of ours.
removal_report remove_all(
    const disk_tools& with,
    lane::lane& where,
    std::vector<attached_disk> disks,
    const removal_orders& orders
);

// Which of these devices is mounted, swap, or held by another one; "" when none is.
std::string user_of(const disk_tools& with, const std::vector<device::disk_state>& orphans);

// What was written to the unit of a disk. nullptr: the lane does not answer. Blocks for a moment.
std::shared_ptr<const lane::write_ledger> ledger_of(const unit_path& which);

// Whether a process of this PID namespace has the device or a partition of it open.
bool is_open(const std::string& node);

} // namespace iscsid::session
