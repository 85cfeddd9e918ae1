#pragma once

#include "libiscsi/admin/record_change.hpp"

#include <span>
#include <string_view>
#include <utility>

namespace iscsi::admin {

// Several steps of one change, under one lock that lasts as long as this object: what is read in
// the store meanwhile is still so when it is written. Whoever changes a record reads it inside.
// Nothing else in the same thread may change the store meanwhile: it would wait for this one.
class record_edit {
  public:
    // Waits for the lock. Faults: file_errc::lock_failed, ::write_failed.
    static result<record_edit> begin(const record_tree& tree, const change_options& how);

    // Writes a new or a changed record. Discovered records (node.discovery_* set) also get their
    // link under send_targets/ or isns/, static ones under static/ when the group tag is known. A
    // record with a group tag takes the place of those of its portal that have none:
    // adopt_group_tag().
    result<void> write(const record& node);

    // So many steps follow, or these records are going to be written, and end_many() then makes
    // all of it lasting: see record_change. A step that fails does not end them.
    void begin_many(std::size_t steps) { change_.begin_many(steps); }

    void begin_many(std::span<const record> to_write);

    result<void> end_many() { return change_.end_many(); }

    // Records of the portal of `id` without a group tag get the one of `id`, and keep what they
    // say: a portal has one group, known or not.
    result<void> adopt_group_tag(const node_id& id);
    // Also its links, and the folders that are empty then. A record that is not there is fine.
    result<void> remove(const node_id& id);

    result<void> write_discovery(const record& from);
    // Removes the record and every node record that is linked from it. Links to records that are
    // gone only disappear.
    result<void> remove_discovery(const discovery_id& id);

    result<void> write_interface(const record& interface);
    result<void> remove_interface(std::string_view name);

  private:
    record_edit(record_tree tree, record_change change)
        : tree_(std::move(tree)), change_(std::move(change)) {}

    record_tree tree_;
    record_change change_;
};

} // namespace iscsi::admin
