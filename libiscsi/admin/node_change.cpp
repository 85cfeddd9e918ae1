#include "libiscsi/admin/node_change.hpp"

#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/record_reader.hpp"

namespace iscsi::admin {

namespace {

// Without a group tag the place of the record may be taken by one of another interface.
// The layout of open-iscsi has one file for a portal without a tag, and no room for a second
// interface in it.
result<void> check_free(const record_tree& tree, const node_id& id) {
    const auto there = read_record(record_kind::node, tree.node(id));
    if (id.group_tag >= 0 || !there || !*there)
        return {}; // an unreadable one may be replaced
    const auto& interface = (*there)->get("iface.iscsi_ifacename");
    if (interface == id.interface)
        return {};
    return fault{
        to_error_code(file_errc::write_failed),
        tree.node(id),
        "a record of interface " + interface + " is there",
        "a portal group tag, to tell them apart"};
}

// Where the record that is there says that it came from; an unreadable one says nothing.
std::optional<std::filesystem::path> link_now(const record_tree& tree, const node_id& id) {
    const auto there = read_node(tree, id);
    return there && *there ? tree.link(**there) : std::nullopt;
}

bool is_link(const std::filesystem::path& path) {
    std::error_code unused;
    return std::filesystem::is_symlink(path, unused);
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
    const auto sources = list_folder(tree.send_targets());
    if (!sources)
        return sources.error();
    for (const auto& source : *sources)
        if (auto removed = remove_link(change, tree.send_targets() / source / name); !removed)
            return removed;
    return {};
}

} // namespace

// First the link, then the record: whoever removes a source finds every record that it gave.
result<void> put_node(record_change& change, const record_tree& tree, const record& node) {
    const auto id = id_of(node);
    if (auto free = check_free(tree, id); !free)
        return free;
    const auto old_link = link_now(tree, id);
    const auto link = tree.link(node);
    if (link)
        if (auto put = change.put_link(*link, tree.portal(id)); !put)
            return put;
    if (auto put = change.put_file(tree.node(id), format_record(node)); !put)
        return put;
    return old_link && old_link != link ? remove_link(change, *old_link) : result<void>();
}

// First the record, then its links, for the same reason.
result<void> remove_node(record_change& change, const record_tree& tree, const node_id& id) {
    const auto there = read_node(tree, id);
    if (!there || *there)
        if (auto removed = change.remove(tree.node(id)); !removed)
            return removed;
    return remove_links(change, tree, id);
}

} // namespace iscsi::admin
