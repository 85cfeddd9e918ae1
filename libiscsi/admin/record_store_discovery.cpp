#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/record_reader.hpp"
#include "libiscsi/admin/record_store.hpp"

// The branches of discovery sources in the record store.
namespace iscsi::admin {

namespace {

std::vector<std::string> names_in(const std::filesystem::path& folder) {
    auto names = list_folder(folder);
    return names ? std::move(*names) : std::vector<std::string>();
}

} // namespace

// A folder without its record is what a removal that was cut off has left; it is no source any
// more.
std::vector<discovery_id> record_store::discoveries() const {
    const record_tree tree(root_);
    std::vector<discovery_id> all;
    std::error_code unused;
    for (const auto kind : source_kinds)
        for (const auto& name : names_in(tree.sources(kind)))
            if (auto id = parse_portal_name(name)) {
                id->kind = kind;
                if (std::filesystem::exists(tree.discovery(*id), unused))
                    all.push_back(*std::move(id));
            }
    return all;
}

result<std::optional<record>> record_store::find_discovery(const discovery_id& id) const {
    if (auto safe = check_paths(id); !safe)
        return safe.error();
    const auto kind = id.kind == source_kind::isns ? record_kind::isns : record_kind::send_targets;
    return read_record(kind, record_tree(root_).discovery(id));
}

std::vector<node_id> record_store::discovered_by(const discovery_id& id) const {
    return nodes_discovered_by(record_tree(root_), id);
}

} // namespace iscsi::admin
