#pragma once

#include "libiscsi/admin/record_change.hpp"
#include "libiscsi/admin/record_tree.hpp"

// A node record on disk is a file and the link that says where it came from. They change together.
namespace iscsi::admin {

// New or changed; when its source has changed, the old link goes. Faults: file_errc::write_failed.
result<void> put_node(record_change& change, const record_tree& tree, const record& node);
// With every link that leads to it. A record that is gone already still has its links looked for.
result<void> remove_node(record_change& change, const record_tree& tree, const node_id& id);

// The portal of `id` has shown its group tag: records of it that have none get it, and move. Where
// one with the tag is there already, it stays, and the other goes.
result<void> adopt_group_tag(record_change& change, const record_tree& tree, const node_id& id);

} // namespace iscsi::admin
