#pragma once

#include "iscsid/disk/driver.hpp"
#include "iscsid/disk/export_server.hpp"

namespace iscsid::disk {

// No device of this kernel: each LUN is an NBD export on
// <runtime_folder>/nbd/<target>-lun-<number>.sock, for virtual machines and tools. A second disk of
// the same LUN has "-2" before the ".sock", and so on. Sockets of a dead daemon are removed.
std::unique_ptr<driver> make_export_driver(
    std::string runtime_folder,
    const socket_access& access = {},
    const export_patience& patience = {}
);

// What clients are shown of a LUN. Faults: disk_errc::attach_failed for blocks and sizes that NBD
// does not have.
iscsi::result<nbd_export> export_of(const std::string& name, const scsi::logical_unit& lun);

} // namespace iscsid::disk
