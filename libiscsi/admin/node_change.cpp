#include "libiscsi/admin/node_change.hpp"

#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/record_reader.hpp"

namespace iscsi::admin {

namespace {

// Where the record that is there says that it came from; an unreadable one says nothing.
std::optional<std::filesystem::path> link_now(const record_tree& tree, const node_id& id) {
    const auto there = read_node(tree, id);
    return there && *there ? tree.link(**there) : std::nullopt;
}

// What a link leads to: what has the portal's name.
std::filesystem::path
goal_of_link(const record_tree& tree, const node_id& id, const std::filesystem::path& file) {
    return file == tree.further_node(id) ? file.parent_path() : tree.portal(id);
}

// Only links are removed by name here; a file or a folder of that name is somebody's, and stays.
result<void> remove_link(record_change& change, const std::filesystem::path& link) {
    if (!is_link(link))
        return {};
    return change.remove(link);
}

// Wherever the record once came from.
result<void> remove_links(record_change& change, const record_tree& tree, const node_id& id) {
    const auto name = link_name(id);
    for (const auto* const branch : {"static", "fw"})
        if (auto removed = remove_link(change, tree.root() / branch / name); !removed)
            return removed;
    for (const auto kind : source_kinds) {
        const auto sources = list_folder(tree.sources(kind));
        if (!sources)
            return sources.error();
        for (const auto& source : *sources)
            if (auto removed = remove_link(change, tree.sources(kind) / source / name); !removed)
                return removed;
    }
    return {};
}

// Those of the portal of `id`; what cannot be read stays where it is.
std::vector<record> untagged_records(const record_tree& tree, const node_id& id) {
    record_selection of_target;
    read_target(tree, id.target, of_target);
    std::erase_if(of_target.records, [&id](const record& node) {
        const auto each = id_of(node);
        return node.is_damaged() || each.group_tag >= 0 || each.address != id.address ||
               each.port != id.port;
    });
    return std::move(of_target.records);
}

bool has_untagged(const record_tree& tree, const node_id& id) {
    auto untagged = id;
    untagged.group_tag = -1;
    std::error_code unused;
    return std::filesystem::exists(tree.portal(untagged), unused) ||
           std::filesystem::exists(tree.further_node(untagged).parent_path(), unused);
}

} // namespace

// First the link, then the record: whoever removes a source finds every record that it gave.
result<void> put_node(record_change& change, const record_tree& tree, const record& node) {
    const auto id = id_of(node);
    const auto file = place_of(tree, id);
    const auto old_link = link_now(tree, id);
    const auto link = tree.link(node);
    if (link)
        if (auto put = change.put_link(*link, goal_of_link(tree, id, file)); !put)
            return put;
    if (auto put = change.put_file(file, format_record(node)); !put)
        return put;
    return old_link && old_link != link ? remove_link(change, *old_link) : result<void>();
}

// First the record, then its links, for the same reason.
result<void> remove_node(record_change& change, const record_tree& tree, const node_id& id) {
    const auto there = read_node(tree, id);
    if (!there || *there)
        if (auto removed = change.remove(place_of(tree, id)); !removed)
            return removed;
    return remove_links(change, tree, id);
}

result<void> adopt_group_tag(record_change& change, const record_tree& tree, const node_id& id) {
    if (id.group_tag < 0 || !has_untagged(tree, id))
        return {};
    for (auto& node : untagged_records(tree, id)) {
        const auto old = id_of(node);
        auto tagged = old;
        tagged.group_tag = id.group_tag;
        if (auto set = select_as(node, tagged); !set)
            return set;
        const auto there = read_node(tree, tagged);
        const bool is_free = there && !*there;
        if (is_free)
            if (auto put = put_node(change, tree, node); !put)
                return put;
        if (auto removed = remove_node(change, tree, old); !removed)
            return removed;
    }
    return {};
}

} // namespace iscsi::admin
