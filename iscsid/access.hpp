#pragma once

#include "iscsid/disk/driver.hpp"

#include "libiscsi/admin/config.hpp"

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

// Who may connect to the sockets of the daemon, by the groups that iscsid.conf names. A group that
// is not there is warned of in the log, and root alone is meant. To be asked by the only thread
// there is: names of groups are looked up.
namespace iscsid {

// Those who may ask and change nothing (iscsid.ipc_group).
std::optional<gid_t> asking_group(const iscsi::admin::config& config);

// Of the sockets of the driver export (iscsid.export_group, iscsid.export_mode).
disk::socket_access export_access(const iscsi::admin::config& config);

// A line for each setting whose group is not there, without the log; an error where the daemon does
// not start for it.
struct missing_groups {
    std::vector<std::string> errors;
    std::vector<std::string> warnings;
};

missing_groups find_missing_groups(const iscsi::admin::config& config);

} // namespace iscsid
