#pragma once

#include "iscsiadm/cli/modes.hpp"
#include "iscsiadm/modes/context.hpp"
#include "iscsiadm/modes/ibft.hpp"

#include <vector>

// Node records of the targets that the boot firmware names (ibft.hpp).
namespace iscsi::cli {

// What cannot be used of the firmware is said on stderr. Without any target that is said, too, in
// open-iscsi's words: 21.
std::vector<boot_target> firmware_targets(context& at);

// discovery -t fw: brings the records up to date, prints the nodes, perhaps logs in. Records are
// made from iscsid.conf and the firmware, bound to `default` or to what -I names, and start
// onboot: no bulk logout takes the disks of the boot away.
// Exit codes: 21 without firmware or interface, 6 and 7 of the record tree, those of logins.
exit_code discover_firmware(const discovery_mode& mode, context& at);

// fw -l: logs in to all targets of the firmware by such records, which stay. A record that somebody
// else has made is used as it stands. Sessions that are there are fine: the boot calls this
// several times.
exit_code log_in_to_firmware(const fw_mode& mode, context& at);

} // namespace iscsi::cli
