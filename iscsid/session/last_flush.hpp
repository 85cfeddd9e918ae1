#pragma once

#include "iscsid/disk/flush_nodes.hpp"
#include "iscsid/session/disks.hpp"

#include <string>
#include <vector>

// What is done for disks that end with the daemon while somebody uses them. All of it blocks: for a
// worker only.
namespace iscsid::session {

// A disk that somebody has.
struct disk_user {
    std::uint64_t lun_number = 0;
    std::string disk; // "LUN 1 (loop3)"
    std::string who;  // "mounted on /srv"
};

// Of those that have a node; a disk that nobody is seen to use is left out.
std::vector<disk_user>
users_of_disks(const disk_tools& with, const std::vector<attached_disk>& disks);

// What came of flushing one disk.
struct flushed_disk {
    attached_disk disk;
    std::string failure; // empty: what was written is on the medium
    bool hangs = false;  // it has not ended in time: nothing more is worth trying
};

// Flushes disks with all that is on them, side by side.
std::vector<flushed_disk> flush_disks(
    const disk_tools& with, std::vector<attached_disk> disks, const disk::flush_patience& patience
);

// Fails everything that is asked of these disks from now on, tells their units to write their
// caches, and says what became of each: a line of its own, `is_loss` when something may be lost.
struct last_word {
    std::string line;
    bool is_loss = false;
};

std::vector<last_word> let_go_of(lane::lane& where, const std::vector<flushed_disk>& disks);

// What may be lost of a disk of which nothing else is known than that it did not end: "" if
// nothing.
std::string possible_loss(lane::lane& where, const device::disk_state& state);

} // namespace iscsid::session
