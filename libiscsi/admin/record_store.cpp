#include "libiscsi/admin/record_store.hpp"

#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/node_change.hpp"
#include "libiscsi/admin/record_reader.hpp"

namespace iscsi::admin {

record_store::record_store(const std::filesystem::path& root) : record_store(root, options{}) {}

// Links are absolute, as open-iscsi's are.
record_store::record_store(const std::filesystem::path& root, options how)
    : root_(std::filesystem::absolute(root).lexically_normal()), options_(how) {}

record_store::selection record_store::select(const node_filter& filter) const {
    const record_tree tree(root_);
    selection all;
    const auto targets = list_folder(tree.nodes());
    if (!targets) {
        all.unreadable.push_back(targets.error());
        return all;
    }
    for (const auto& target : *targets)
        if (!filter.target || *filter.target == target)
            read_target(tree, target, all);
    std::erase_if(all.records, [&filter](const record& node) {
        return !filter.matches(id_of(node));
    });
    return all;
}

result<std::optional<record>> record_store::find(const node_id& id) const {
    if (auto safe = check_paths(id); !safe)
        return safe.error();
    return read_node(record_tree(root_), id);
}

result<void> record_store::write(const record& node) {
    const record_tree tree(root_);
    if (auto good = check_new(id_of(node)); !good)
        return good;
    auto change = record_change::begin(tree, options_);
    if (!change)
        return change.error();
    return put_node(*change, tree, node);
}

result<void> record_store::remove(const node_id& id) {
    const record_tree tree(root_);
    if (auto safe = check_paths(id); !safe)
        return safe;
    auto change = record_change::begin(tree, options_);
    if (!change)
        return change.error();
    return remove_node(*change, tree, id);
}

} // namespace iscsi::admin
