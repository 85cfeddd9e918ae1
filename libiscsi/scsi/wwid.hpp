#pragma once

#include "libiscsi/base/bytes.hpp"

#include <string>

namespace scsi {

// Chooses among the designation descriptors of VPD 83 (what follows the page header) the name of
// the logical unit as udev's scsi_id does, and writes it as scsi_id does: the digit of the
// designator type, then lower-case hexadecimal digits or the text with blanks as single '_'.
// "" when there is no NAA, EUI-64 or T10 designator of the logical unit. SPC-4 §7.8.5.
std::string choose_wwid(iscsi::bytes_view descriptors);

} // namespace scsi
