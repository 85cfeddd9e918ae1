#pragma once

#include "iscsid/session/outcome.hpp"
#include "iscsid/session/results.hpp"

#include "libiscsi/admin/record_store.hpp"
#include "libiscsi/discovery/interfaces.hpp"
#include "libiscsi/discovery/portal_filter.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
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

// The same for all that admin::is_same_path() means: what it says of a portal group may change.
iscsi::admin::node_id path_of(iscsi::admin::node_id node);

// What a poll was answered with.
struct poll_answer {
    std::vector<iscsi::admin::node_id> found;
    std::set<std::string> left_out{}; // targets with entries of which nothing comes; empty: of one
                                      // whose target is not known
    std::set<iscsi::admin::node_id>
        in_use{}; // paths of sessions, whose records stay where they are
};

// What became of an answer.
struct stored_answer {
    std::vector<iscsi::admin::node_id> found;     // with the group tags that they are stored with
    std::vector<iscsi::admin::node_id> added;     // those of them that had no record
    std::vector<iscsi::admin::node_id> automatic; // those of them that are to be logged in to
    std::vector<iscsi::admin::node_id> gone;      // records of the source that it did not name
    // Those of them whose records were of another group tag: from, to.
    std::vector<std::pair<iscsi::admin::node_id, iscsi::admin::node_id>> moved;
};

// New nodes get a record of the template; those that are there are left alone, but for the group
// tag of their portal. Removes nothing: who uses it is not known here. Gone is only what is bound
// to an interface of `by`, and no path or target that the answer names somehow. Failures: database.
outcome<stored_answer> store_answer(
    iscsi::admin::record_store& records,
    const source_records& by,
    poll_answer answer,
    const iscsi::admin::record& node_template
);

// Nodes, and the sources that they are of from now on.
using new_sources = std::map<iscsi::admin::node_id, iscsi::admin::discovery_id>;

// Those that are not of `from` any more are left alone. Failures: database.
outcome<void> give_nodes(
    iscsi::admin::record_store& records,
    const iscsi::admin::discovery_id& from,
    const new_sources& nodes
);

// But for those in which users have set something: these are given back. Failures: database.
outcome<std::set<iscsi::admin::node_id>>
remove_nodes(iscsi::admin::record_store& records, const std::vector<iscsi::admin::node_id>& nodes);

} // namespace iscsid::session
