#pragma once

#include "libiscsi/scsi/logical_unit.hpp"

#include <cstdint>
#include <string>

namespace iscsid::device {

// What names a disk: where it was found and what it says of itself.
struct disk_identity_words {
    std::string target;         // its iSCSI name
    std::string portal_address; // as the record has it, IPv6 with or without brackets
    std::uint16_t portal_port = 3260;
    std::uint64_t lun = 0; // as Linux counts
    scsi::logical_unit properties;
};

// The text of a file for IMPORT{file} of udev: lines KEY=VALUE with what scsi_id --export and
// path_id would say of the same disk under the kernel's initiator, and ISCSI_USERLAND=1. A key
// without a value is left out. Values hold only the ASCII characters that udev keeps in names of
// links, at most 255 of each word that came from outside; the others are '_'.
std::string udev_entry_of(const disk_identity_words& disk);

} // namespace iscsid::device
