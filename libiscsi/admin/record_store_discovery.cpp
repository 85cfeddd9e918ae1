#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/record_reader.hpp"
#include "libiscsi/admin/record_store.hpp"

// The send_targets branch of the record store.
namespace iscsi::admin {

namespace {

std::vector<std::string> names_in(const std::filesystem::path& folder) {
    auto names = list_folder(folder);
    return names ? std::move(*names) : std::vector<std::string>();
}

} // namespace

// A folder without st_config is what a removal that was cut off has left; it is no source any more.
std::vector<discovery_id> record_store::discoveries() const {
    const record_tree tree(root_);
    std::vector<discovery_id> all;
    std::error_code unused;
    for (const auto& name : names_in(tree.send_targets()))
        if (const auto id = parse_portal_name(name))
            if (std::filesystem::exists(tree.discovery(*id), unused))
                all.push_back(*id);
    return all;
}

result<std::optional<record>> record_store::find_discovery(const discovery_id& id) const {
    if (auto safe = check_paths(id); !safe)
        return safe.error();
    return read_record(record_kind::send_targets, record_tree(root_).discovery(id));
}

std::vector<node_id> record_store::discovered_by(const discovery_id& id) const {
    return nodes_discovered_by(record_tree(root_), id);
}

} // namespace iscsi::admin
