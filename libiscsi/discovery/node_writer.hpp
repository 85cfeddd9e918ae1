#pragma once

#include "libiscsi/discovery/interfaces.hpp"
#include "libiscsi/discovery/plan.hpp"

#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

namespace iscsi::discovery {

// How far write() has come; `why` when not all of them are written.
struct written_nodes {
    std::size_t done = 0;
    std::size_t of = 0;
    std::optional<fault> why{};
};

// The node records of one discovery source: what is there, what has to be done, and doing it. All
// under the lock of one record_edit, so that what was looked at stays true.
//
//   plan() or look() → write()
class node_writer {
  public:
    // `by`: the interfaces that the nodes are bound to. All of it outlives the writer.
    node_writer(
        admin::record_store& store,
        admin::discovery_id source,
        const interface_choice& by,
        changes allowed
    )
        : store_(store), source_(std::move(source)), by_(by), allowed_(allowed) {}

    // Nodes without a group tag get that of the records of their portal, and records without one
    // that of their node; then it says what is to be done. Faults: those of the record tree.
    result<record_plan> plan(std::vector<admin::node_id>& found, admin::record_edit& edit);

    // What of it is stored now. One that cannot be read is there, too.
    stored_records look(const std::vector<admin::node_id>& found);

    // The template is that of all: new records of one discovery come from the same iscsid.conf. A
    // record whose file is cut is left alone, and told in warnings().
    written_nodes write(
        std::vector<admin::node_id> ids,
        const admin::record& node_template,
        admin::record_edit& edit
    );

    // What write() found wrong in the records that were there, with file and line, and what became
    // of it.
    const std::vector<std::string>& warnings() const { return warnings_; }

  private:
    bool stays(const admin::node_id& id);
    result<std::vector<admin::record>>
    records_of(const std::vector<admin::node_id>& ids, const admin::record& node_template) const;
    written_nodes
    write_targets(std::span<const admin::record> records, admin::record_edit& edit) const;
    result<void>
    write_target(std::span<const admin::record> records, admin::record_edit& edit) const;
    result<admin::record>
    new_record(const admin::record& node_template, const admin::node_id& id) const;
    void keep_edits(const admin::node_id& id, admin::record& node) const;

    admin::record_store& store_;
    admin::discovery_id source_;
    const interface_choice& by_;
    changes allowed_;
    std::set<admin::node_id> present_;               // had a record when looked at
    std::map<admin::node_id, admin::record> edited_; // with users' settings or bad values
    std::vector<std::string> warnings_;
};

} // namespace iscsi::discovery
