#pragma once

#include "iscsiadm/modes/ibft.hpp"
#include "iscsiadm/start/options.hpp"

#include "libiscsi/admin/config.hpp"

namespace iscsi::start {

// The node record of what the arguments name: the template of iscsid.conf, what was given, then
// each -P. It starts onboot, so that no bulk logout takes the disk, and has the initiator's name,
// whatever that of the system is later. Faults: setting_errc; a -P that node records do not know;
// name_errc of -i.
result<admin::record> record_of(const request& wanted, const admin::config& config);

// The same of a target of the firmware. Its CHAP is the firmware's alone, and it is tried for
// longer: the network may come up meanwhile.
result<admin::record>
record_of(const cli::boot_target& target, const request& wanted, const admin::config& config);

} // namespace iscsi::start
