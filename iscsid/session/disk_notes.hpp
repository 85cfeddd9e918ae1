#pragma once

#include "iscsid/session/disks.hpp"

#include <string>

// What the registry and udev are told of the disks of sessions. All of it blocks on the file
// system or on udev: for a worker only. Used by attaching, taking over and removing.
namespace iscsid::session {

// How long udev may take to make or to drop the links of one device.
inline constexpr std::chrono::seconds links_limit{10};

// "LUN 2 (ublkb0)", or "LUN 2" where the disk has no device node (exported over a socket).
std::string name_of(const device::disk_state& state);

// The driver that made a disk; it may be another one than that of today. nullptr: not here.
disk::driver* driver_of(const disk_tools& with, const device::disk_state& state);

// Notes the disk for a later daemon and for udev. To be called before anybody can see the device.
// Fault: it cannot be noted, so it must not appear; udev's part only warns.
iscsi::result<void> announce(
    const disk_tools& with,
    device::disk_state state,
    const std::string& node,
    disk_warnings& warnings
);

// The same of a disk that is there already. False: what a later daemon is to know of it could not
// be written anew, what was noted before stays.
bool announce_again(
    const disk_tools& with, const device::disk_state& state, disk_warnings& warnings
);

// Its first part alone.
bool remember_news(
    const disk_tools& with, const device::disk_state& state, disk_warnings& warnings
);

// Waits until udev has made the links of all of these. One that is late is a warning, and after it
// the others get no more time.
void wait_for_links(
    const disk_tools& with, const std::vector<attached_disk>& disks, disk_warnings& warnings
);

// The registry's part alone, and both parts.
void forget_state(const disk_tools& with, const device::disk_state& state);
void forget(const disk_tools& with, const device::disk_state& state);

// Both, of a device that is not ours any more: what udev has been told of another one with its name
// stays.
void forget_lost(const disk_tools& with, const device::disk_state& state);

} // namespace iscsid::session
