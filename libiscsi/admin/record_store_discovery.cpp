#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/node_change.hpp"
#include "libiscsi/admin/record_reader.hpp"
#include "libiscsi/admin/record_store.hpp"

// The send_targets branch of the record store.
namespace iscsi::admin {

namespace {

discovery_id id_of_discovery(const record& from) {
    return {
        from.get("discovery.sendtargets.address"),
        static_cast<std::uint16_t>(from.get_integer("discovery.sendtargets.port"))};
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
    auto names = list_folder(folder);
    return names ? std::move(*names) : std::vector<std::string>();
}

// An unreadable record is one, too.
bool is_stored(const record_tree& tree, const node_id& id) {
    const auto there = read_node(tree, id);
    return !there || *there;
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

result<void> record_store::write_discovery(const record& from) {
    const record_tree tree(root_);
    const auto id = id_of_discovery(from);
    if (auto safe = check_paths(id); !safe)
        return safe;
    auto change = record_change::begin(tree, options_);
    if (!change)
        return change.error();
    return change->put_file(tree.discovery(id), format_record(from));
}

// The discovery record goes last: until then the removal can be repeated.
result<void> record_store::remove_discovery(const discovery_id& id) {
    const record_tree tree(root_);
    if (auto safe = check_paths(id); !safe)
        return safe;
    auto change = record_change::begin(tree, options_);
    if (!change)
        return change.error();
    for (const auto& node : discovered_by(id))
        if (auto removed = remove_node(*change, tree, node); !removed)
            return removed;
    for (const auto& name : names_in(tree.discovery_folder(id)))
        if (parse_link_name(name)) // its record is gone
            if (auto removed = change->remove(tree.discovery_folder(id) / name); !removed)
                return removed;
    return change->remove(tree.discovery(id));
}

// In the order of their names, which is that of target, portal, interface.
std::vector<node_id> record_store::discovered_by(const discovery_id& id) const {
    const record_tree tree(root_);
    std::vector<node_id> nodes;
    if (!check_paths(id))
        return nodes;
    for (const auto& name : names_in(tree.discovery_folder(id)))
        if (auto node = parse_link_name(name))
            if (is_stored(tree, *node))
                nodes.push_back(std::move(*node));
    return nodes;
}

} // namespace iscsi::admin
