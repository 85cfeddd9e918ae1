#include "libiscsi/admin/record_store.hpp"

#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/record_reader.hpp"

#include <utility>

namespace iscsi::admin {

record_store::record_store(const std::filesystem::path& root) : record_store(root, options{}) {}

// Links are absolute, as open-iscsi's are.
record_store::record_store(const std::filesystem::path& root, options how)
    : root_(std::filesystem::absolute(root).lexically_normal()), options_(std::move(how)) {}

namespace {

// Reads every target that the filter may mean.
template <class Selection, class Reader>
Selection read_all(const record_tree& tree, const node_filter& filter, Reader read) {
    Selection all;
    const auto targets = list_folder(tree.nodes());
    if (!targets) {
        all.unreadable.push_back(targets.error());
        return all;
    }
    for (const auto& target : *targets)
        if (!filter.target || *filter.target == target)
            read(tree, target, all);
    return all;
}

} // namespace

record_store::selection record_store::select(const node_filter& filter) const {
    auto all = read_all<selection>(record_tree(root_), filter, read_target);
    std::erase_if(all.records, [&filter](const record& node) {
        return !filter.matches(id_of(node));
    });
    return all;
}

id_selection record_store::list(const node_filter& filter) const {
    auto all = read_all<id_selection>(record_tree(root_), filter, read_ids);
    std::erase_if(all.ids, [&filter](const node_id& id) { return !filter.matches(id); });
    return all;
}

result<std::optional<record>> record_store::find(const node_id& id) const {
    if (auto safe = check_paths(id); !safe)
        return safe.error();
    auto found = read_node(record_tree(root_), id);
    if (!found || *found)
        return found;
    auto other = id;
    other.group_tag = id.group_tag < 0 ? known_group_tag(id) : -1;
    return read_node(record_tree(root_), other);
}

int record_store::known_group_tag(const node_id& id) const {
    const auto tags = known_group_tags(record_tree(root_), id);
    return tags.empty() ? id.group_tag : tags.front();
}

result<record_edit> record_store::edit() {
    return record_edit::begin(record_tree(root_), options_);
}

// Names are looked at before the lock is taken: a refused one leaves no trace, not even the root.
template <class Step, class What>
result<void> record_store::alone(const result<void>& names, Step step, const What& what) {
    if (!names)
        return names;
    auto change = edit();
    if (!change)
        return change.error();
    return ((*change).*step)(what);
}

result<void> record_store::write(const record& node) {
    return alone(check_new(id_of(node)), &record_edit::write, node);
}

result<void> record_store::remove(const node_id& id) {
    return alone(check_paths(id), &record_edit::remove, id);
}

result<void> record_store::write_discovery(const record& from) {
    return alone(check_paths(id_of_discovery(from)), &record_edit::write_discovery, from);
}

result<void> record_store::remove_discovery(const discovery_id& id) {
    return alone(check_paths(id), &record_edit::remove_discovery, id);
}

result<void> record_store::write_interface(const record& interface) {
    const auto& name = interface.get("iface.iscsi_ifacename");
    return alone(check_interface_name(name), &record_edit::write_interface, interface);
}

result<void> record_store::remove_interface(std::string_view name) {
    return alone(check_interface_name(name), &record_edit::remove_interface, name);
}

} // namespace iscsi::admin
