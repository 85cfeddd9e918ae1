#pragma once

#include "libiscsi/admin/record_tree.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

// Reading the record tree. Without a lock: each file is replaced in one step.
namespace iscsi::admin {

// What a reader found. One bad file spoils only itself: it is reported, and the others are there.
// The two together are everything that is there, damaged records too, but for what editors leave.
struct record_selection {
    std::vector<record> records;   // sorted: target, portal, interface (strcmp)
    std::vector<fault> unreadable; // no files, or of another place, by path
};

// The same for a listing.
struct id_selection {
    std::vector<node_id> ids;         // sorted; damaged ones, too
    std::vector<std::string> damaged; // why, with path
    std::vector<fault> unreadable;
};

// Has the file a name that editors and package managers give to what they leave beside a file? Such
// a file is passed over where it is no good record of its place: an interface may be called so.
bool is_leftover(const std::filesystem::path& file);

// Nothing when there is no such file.
// A damaged file is a damaged record. Faults: file_errc with the path, of what cannot be read.
result<std::optional<record>> read_record(record_kind kind, const std::filesystem::path& file);

// Where the record of `id` is, or would be put. Without a group tag a portal has one file, in which
// one interface has room; the others have a folder.
std::filesystem::path place_of(const record_tree& tree, const node_id& id);

// The record of `id`. A file that belongs to another place is a fault; one that is in the right
// place but of another interface (both without a group tag) is not the record of `id`.
result<std::optional<record>> read_node(const record_tree& tree, const node_id& id);

// The group tags, in the order of their names, under which the portal of `id` has records.
std::vector<int> known_group_tags(const record_tree& tree, const node_id& id);

// Every record of one target, in order, added to `into`.
void read_target(const record_tree& tree, const std::string& target, record_selection& into);

// Their ids alone, which costs a fraction of that.
void read_ids(const record_tree& tree, const std::string& target, id_selection& into);

// The node records that a discovery record gave, by its links, in the order of their names,
// which is that of target, portal, interface. Links to records that are gone are passed over.
std::vector<node_id> nodes_discovered_by(const record_tree& tree, const discovery_id& id);

} // namespace iscsi::admin
