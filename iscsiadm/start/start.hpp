#pragma once

#include "iscsiadm/start/options.hpp"

#include "libiscsi/admin/config.hpp"
#include "libiscsi/admin/exit_code.hpp"

#include <filesystem>

namespace iscsi::start {

// Does what was asked for, with its lines on stdout and stderr. `sysfs`: where the firmware is
// looked for. Exit codes are open-iscsi's: 7 for what cannot be asked for, 21 without firmware, 1
// for a login or a daemon that fails; of several logins each is tried, and one that fails is
// enough.
admin::exit_code
start(const request& wanted, const admin::locations& where, const std::filesystem::path& sysfs);

} // namespace iscsi::start
