#pragma once

#include "libiscsi/admin/record_change.hpp"
#include "libiscsi/admin/record_tree.hpp"

// A node record on disk is a file and the link that says where it came from. They change together.
namespace iscsi::admin {

result<void> put_node(record_change& change, const record_tree& tree, const record& node);
result<void> remove_node(record_change& change, const record_tree& tree, const node_id& id);

} // namespace iscsi::admin
