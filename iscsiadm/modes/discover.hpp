#pragma once

#include "iscsiadm/cli/modes.hpp"
#include "iscsiadm/modes/context.hpp"

#include "libiscsi/discovery/plan.hpp"

#include <optional>
#include <string>
#include <vector>

namespace iscsi::cli {

// -o names what may be done; what it does not name is left alone.
discovery::changes changes_of(const operations& ops);

// One discovery: ask the portal, bring the node records up to date, print, perhaps log in.
struct discovery_job {
    admin::record settings;              // the discovery record
    discovery::changes changes;          // what may happen to node records
    bool use_record = true;              // the daemon reads the stored record
    std::vector<std::string> interfaces; // -I; empty: all stored ones of tcp, or `default`
    int print_level = 0;
    bool login = false;
    bool store_settings = false; // once there is an interface to ask by; without use_record once
                                 // the portal has answered
    std::optional<admin::record> earlier{}; // what they take the place of; it comes back on failure
};

// Prints the portals that were found, also when storing them failed: they are true all the same.
// Exit codes: 21 nothing found, 4 to 8 and 24 what the daemon reports of the portal, 6 and 7 of the
// record tree, 27 for a login to what is not recorded.
exit_code discover(const discovery_job& job, context& at);

// A filter that cannot be read; with file and line where iscsid.conf says the same.
exit_code report_filter(const fault& why, context& at);

} // namespace iscsi::cli
