#pragma once

#include "iscsiadm/modes/context.hpp"
#include "iscsiadm/modes/discovery_plan.hpp"

#include <string>
#include <vector>

namespace iscsi::cli {

// One discovery: ask the portal, bring the node records up to date, print, perhaps log in.
struct discovery_job {
    admin::record settings;              // the discovery record
    discovery_changes changes;           // what may happen to node records
    bool use_record = true;              // the daemon reads the stored record
    std::vector<std::string> interfaces; // -I; empty: all stored ones of tcp, or `default`
    int print_level = 0;
    bool login = false;
};

exit_code discover(const discovery_job& job, context& at);

admin::discovery_id id_of_discovery(const admin::record& record);

} // namespace iscsi::cli
