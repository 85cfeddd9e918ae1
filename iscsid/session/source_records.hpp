#pragma once

#include "iscsid/session/outcome.hpp"
#include "iscsid/session/results.hpp"

#include "libiscsi/admin/record_store.hpp"
#include "libiscsi/discovery/interfaces.hpp"
#include "libiscsi/discovery/portal_filter.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

// What the record tree has for a discovery that iscsid repeats by itself. All of it blocks (files,
// the lock of the tree), so it is for workers: the disk of the tree may be one of ours.
namespace iscsid::session {

// A source whose record has use_discoveryd.
struct repeated_source {
    iscsi::admin::discovery_id id;
    std::chrono::seconds interval{}; // between two polls; 0 or less: one poll
};

std::vector<repeated_source> repeated_sources(const iscsi::admin::record_store& records);

// What a poll of a source goes by.
struct source_records {
    iscsi::admin::record settings;
    iscsi::discovery::portal_filter filter;
    iscsi::discovery::interface_choice interfaces; // one at least
};

// Nothing: there is no such record any more, or it is not to be repeated. Failures: database,
// invalid, no_objects_found when no interface is left.
outcome<std::optional<source_records>>
read_source(const iscsi::admin::record_store& records, const iscsi::admin::discovery_id& id);

// What became of an answer.
struct stored_answer {
    std::vector<iscsi::admin::node_id> found;     // with the group tags that they are stored with
    std::vector<iscsi::admin::node_id> added;     // those of them that had no record
    std::vector<iscsi::admin::node_id> automatic; // those of them that are to be logged in to
    std::vector<iscsi::admin::node_id> gone;      // records of the source that it did not name
};

// New nodes get a record of the template; those that are there are left alone. Removes nothing: who
// uses it is not known here. Failures: database.
outcome<stored_answer> store_answer(
    iscsi::admin::record_store& records,
    const source_records& by,
    std::vector<iscsi::admin::node_id> found,
    const iscsi::admin::record& node_template
);

// Those that could not be removed say why.
outcome<void>
remove_nodes(iscsi::admin::record_store& records, const std::vector<iscsi::admin::node_id>& nodes);

} // namespace iscsid::session
