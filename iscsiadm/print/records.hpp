#pragma once

#include "libiscsi/admin/record.hpp"

#include <string>

namespace iscsi::cli {

// "# BEGIN RECORD 2.1.8 … # END RECORD". Secrets are shown as ******** unless `reveal`.
std::string show_record(const admin::record& record, bool reveal);

// "default tcp,<empty>,<empty>,<empty>,<empty>"
std::string flat_interface(const admin::record& interface);

// "New iSCSI node [tcp:[hw=,ip=,net_if=,iscsi_if=default] 10.9.9.1,3260,-1 iqn…] added"
// The fields in brackets are those that a software initiator leaves empty, and are printed empty.
std::string node_added(const admin::record& node);

} // namespace iscsi::cli
