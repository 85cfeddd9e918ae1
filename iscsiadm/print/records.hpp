#pragma once

#include "libiscsi/admin/record.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace iscsi::cli {

// What stands for a secret that is not shown.
inline constexpr std::string_view hidden_secret = "********";

// Whether stars stand for this value. An empty secret is shown as empty: that there is none is not
// secret.
bool is_hidden(std::string_view name, std::string_view value, bool reveal);

// "# BEGIN RECORD 2.1.8 … # END RECORD". Secrets are shown as ******** unless `reveal`.
std::string show_record(const admin::record& record, bool reveal);

// The same of settings that are no record.
std::string
show_settings(const std::vector<std::pair<std::string, std::string>>& settings, bool reveal);

// "default tcp,<empty>,<empty>,<empty>,<empty>"
std::string flat_interface(const admin::record& interface);

// "Iface: NAME", then the targets and portals of `nodes` that are bound to it; empty without nodes.
// The nodes come sorted by target.
std::string interface_tree(
    const std::vector<admin::record>& interfaces, const std::vector<admin::node_id>& nodes
);

// "New iSCSI node [tcp:[hw=,ip=,net_if=,iscsi_if=default] 10.9.9.1,3260,-1 iqn…] added"
// The fields in brackets are those that a software initiator leaves empty, and are printed empty.
std::string node_added(const admin::record& node);

} // namespace iscsi::cli
