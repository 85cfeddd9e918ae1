#pragma once

#include "libiscsi/admin/record_change.hpp"
#include "libiscsi/admin/record_tree.hpp"

// A node record on disk is a file and the link that says where it came from. They change together.
namespace iscsi::admin {

// New or changed; when its source has changed, the old link goes. Faults: file_errc::write_failed,
// also where another interface has the place.
result<void> put_node(record_change& change, const record_tree& tree, const record& node);
// With every link that leads to it. A record that is gone already still has its links looked for.
result<void> remove_node(record_change& change, const record_tree& tree, const node_id& id);

} // namespace iscsi::admin
