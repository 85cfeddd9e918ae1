#include "libiscsi/admin/record_edit.hpp"

#include "libiscsi/admin/node_change.hpp"
#include "libiscsi/admin/record_file.hpp"
#include "libiscsi/admin/record_reader.hpp"

namespace iscsi::admin {

result<record_edit> record_edit::begin(const record_tree& tree, const change_options& how) {
    auto change = record_change::begin(tree, how);
    if (!change)
        return change.error();
    return record_edit(tree, *std::move(change));
}

namespace {

// Written out it would look whole, and what it lost be lost for good.
result<void> check_whole(const record& from) {
    if (!from.is_damaged())
        return {};
    return fault{
        to_error_code(file_errc::truncated),
        from.bad_values().empty() ? "" : from.bad_values().front().why,
        "",
        "a whole record: mend its file, or delete it"};
}

} // namespace

// A name that is refused later is not looked at here: nothing is staged under it.
void record_edit::begin_many(std::span<const record> to_write) {
    std::vector<record_change::text_of_file> texts;
    for (const record& node : to_write)
        if (const auto id = id_of(node); check_new(id) && !node.is_damaged())
            texts.push_back({place_of(tree_, id), format_record(node)});
    change_.begin_many(to_write.size(), texts);
}

result<void> record_edit::write(const record& node) {
    if (auto whole = check_whole(node); !whole)
        return whole;
    if (auto good = check_new(id_of(node)); !good)
        return good;
    if (auto put = put_node(change_, tree_, node); !put)
        return put;
    return admin::adopt_group_tag(change_, tree_, id_of(node));
}

result<void> record_edit::adopt_group_tag(const node_id& id) {
    if (auto safe = check_paths(id); !safe)
        return safe;
    return admin::adopt_group_tag(change_, tree_, id);
}

result<void> record_edit::remove(const node_id& id) {
    if (auto safe = check_paths(id); !safe)
        return safe;
    return remove_node(change_, tree_, id);
}

result<void> record_edit::write_discovery(const record& from) {
    const auto id = id_of_discovery(from);
    if (auto safe = check_paths(id); !safe)
        return safe;
    if (auto whole = check_whole(from); !whole)
        return whole;
    return change_.put_file(tree_.discovery(id), format_record(from));
}

// The discovery record goes last: until then the removal can be repeated.
result<void> record_edit::remove_discovery(const discovery_id& id) {
    if (auto safe = check_paths(id); !safe)
        return safe;
    const auto nodes = nodes_discovered_by(tree_, id);
    change_.begin_many(nodes.size());
    for (const auto& node : nodes)
        if (auto removed = remove_node(change_, tree_, node); !removed)
            return removed;
    const auto names = list_folder(tree_.discovery_folder(id));
    if (!names)
        return names.error();
    for (const auto& name : *names)
        if (parse_link_name(name)) // its record is gone
            if (auto removed = change_.remove(tree_.discovery_folder(id) / name); !removed)
                return removed;
    if (auto removed = change_.remove(tree_.discovery(id)); !removed)
        return removed;
    return change_.end_many();
}

result<void> record_edit::write_interface(const record& interface) {
    const auto& name = interface.get("iface.iscsi_ifacename");
    if (auto safe = check_interface_name(name); !safe)
        return safe;
    if (auto whole = check_whole(interface); !whole)
        return whole;
    const auto file = tree_.interfaces() / name;
    if (!is_stored_interface(name))
        return fault{
            to_error_code(file_errc::write_failed),
            file,
            "",
            "another name: this interface is built in"};
    return change_.put_file(file, format_record(interface));
}

result<void> record_edit::remove_interface(std::string_view name) {
    if (auto safe = check_interface_name(name); !safe)
        return safe;
    return change_.remove(tree_.interfaces() / name);
}

} // namespace iscsi::admin
