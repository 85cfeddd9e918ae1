#pragma once

#include "libiscsi/admin/record_store.hpp"
#include "libiscsi/admin/record_tree.hpp"

#include <filesystem>
#include <optional>
#include <string>

// Reading the record tree. Without a lock: each file is replaced in one step.
namespace iscsi::admin {

// Nothing when there is no such file.
result<std::optional<record>> read_record(record_kind kind, const std::filesystem::path& file);

// The record of `id`. A file that belongs to another place is a fault; one that is in the right
// place but of another interface (both without a group tag) is not the record of `id`.
result<std::optional<record>> read_node(const record_tree& tree, const node_id& id);

// Every record of one target, in order, added to `into`.
void read_target(const record_tree& tree, const std::string& target, record_store::selection& into);

} // namespace iscsi::admin
