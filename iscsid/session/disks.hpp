#pragma once

#include "iscsid/device/nonce.hpp"
#include "iscsid/device/registry.hpp"
#include "iscsid/device/udev_links.hpp"
#include "iscsid/disk/driver.hpp"
#include "iscsid/disk/helper.hpp"
#include "iscsid/disk/unsettled_units.hpp"
#include "iscsid/session/shared_disks.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace iscsid::session {

// What makes disks and makes them known. All of it outlives its users.
struct disk_tools {
    disk::helper* waiter = nullptr; // asks the kernel who uses a disk; none: nobody is asked
    disk::driver* driver = nullptr;
    std::vector<disk::driver*> earlier;          // that made disks which another daemon has left
    const device::registry* registry = nullptr;  // none: nothing is remembered for another daemon
    const device::udev_links* links = nullptr;   // none: udev is told nothing
    const device::nonce_maker* nonces = nullptr; // none: devices get none
    shared_disks* shares = nullptr;              // none: each disk is of one session
    disk::unsettled_units* unsettled = nullptr;  // none: no disk of several sessions has ended
};

// A LUN that is a block device now, and all that is needed to attach it again.
struct attached_disk {
    device::disk_state state;
    std::shared_ptr<disk::disk> device;
    bool is_failed = false;  // all its I/O fails
    bool unverified = false; // is_failed only because nobody could look; else it is another LUN now
    bool is_gone = false;    // is_failed because the target has removed the unit
    disk::ownership is_ours{}; // of its device: disk::owner()
    bool loss_is_told = false; // that it is_lost()
    bool is_adopted = false; // an earlier daemon made it: what that one wrote is not in the ledger
    bool is_unnoted = false; // what is news of it could not be written for the next daemon

    std::vector<unit_path> others{}; // of the other sessions whose disk it is, too

    // Somebody has taken its device away, or it has ended with another of its sessions, and what
    // has the name now, if anything, is his.
    bool is_lost() const { return is_ours && !is_ours(); }

    // Bytes that the device still shows because its driver could not follow the capacity of the
    // unit; 0: as many as the unit has.
    std::uint64_t stale_size = 0;
};

// The disk of a LUN; nullptr: it has none.
template <class Disks>
auto disk_with(Disks& disks, std::uint64_t lun_number) {
    const auto found = std::ranges::find_if(disks, [lun_number](const attached_disk& each) {
        return each.state.lun_number == lun_number;
    });
    return found == disks.end() ? nullptr : &*found;
}

// Moves the devices out, so that whoever takes them ends them; what is known of the disks stays.
std::vector<attached_disk> take_devices(std::vector<attached_disk>& from);

// Lines that name a disk and say what is not well with it although it works.
using disk_warnings = std::vector<std::string>;

struct attach_report {
    std::vector<attached_disk> disks;
    std::vector<std::string> failures; // one line each: which LUN, why
    disk_warnings warnings;
};

// All requests on the paths of other sessions to this disk fail, until its session lifts that with
// 0 (lane::fail_requests_for()): what those have ordered for their own units is another matter. For
// a disk that is taken down and does not get on; the second form ends those too that were sent.
void fail_other_paths(const attached_disk& disk, int error);
void give_up_other_paths(const attached_disk& disk);

// All of these block: for a worker only. A LUN that cannot be attached does not stop the others.
attach_report
attach_all(const disk_tools& with, lane::lane& where, std::vector<device::disk_state> wanted);

// Takes over the devices that an earlier daemon has left; one that is gone is made anew.
attach_report
adopt_all(const disk_tools& with, lane::lane& where, std::vector<device::disk_state> orphans);

// The unit of a disk in each of its sessions, that of `where` first.
std::vector<unit_path> units_of(lane::lane& where, const attached_disk& disk);

// Those that other sessions have as their disks, too, and that have not ended.
std::vector<attached_disk> shared_among(const std::vector<attached_disk>& disks);

// attached_disk::is_lost() of a device that an earlier daemon has left.
bool has_lost_left_device(const disk_tools& with, const device::disk_state& left);

// Whether the device waits for the next daemon when this one ends.
bool outlives_daemon(const disk_tools& with, const device::disk_state& state);

// Notes a disk that outlives the daemon where the next one finds it.
iscsi::result<void> remember(const disk_tools& with, const device::disk_state& state);

// Makes one anew whose device is lost; not flushed, for what has its name is not ours. Without
// success the old one stays, to be tried again.
attach_report replace_lost(const disk_tools& with, lane::lane& where, const attached_disk& lost);

// Attaches those again whose device was taken; one that does not come back is left out, with a line
// in the log. For a removal that is refused half way.
void attach_again(const disk_tools& with, lane::lane& where, std::vector<attached_disk>& disks);

} // namespace iscsid::session
