#pragma once

#include "libiscsi/admin/messages.hpp"

#include <set>
#include <string>
#include <vector>

// What a discovery means for the node records. Pure: an answer and what is stored in, changes out.
namespace iscsi::discovery {

// Which changes a discovery may make; without -o all three.
struct changes {
    bool add = true;         // -o new
    bool rewrite = true;     // -o update: from the template. Also adds.
    bool keep_edits = true;  // what users have set in a record stays; not with -o update
    bool remove_gone = true; // -o delete: what the portal no longer offers
    bool persistent = true;  // false: -o nonpersistent, nothing is written at all
    friend bool operator==(const changes&, const changes&) = default;
};

// Every portal with every interface, interface by interface, in the order of the answer; each once.
std::vector<admin::node_id> bind_to_interfaces(
    const std::vector<admin::discovered_portal>& answer, const std::vector<std::string>& interfaces
);

// What is on disk now, as far as this discovery could touch it.
struct stored_records {
    std::set<admin::node_id> present;    // those of `found` that have a record
    std::vector<admin::node_id> earlier; // found by this discovery record at any time
};

// What is to be done, in the order of the answer. A node is in at most one of both.
struct record_plan {
    std::vector<admin::node_id> write, remove;
    friend bool operator==(const record_plan&, const record_plan&) = default;
};

record_plan plan_records(
    const std::vector<admin::node_id>& found, const stored_records& stored, changes allowed
);

} // namespace iscsi::discovery
