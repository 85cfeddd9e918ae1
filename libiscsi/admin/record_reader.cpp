#include "libiscsi/admin/record_reader.hpp"

#include "libiscsi/admin/files.hpp"

namespace iscsi::admin {

namespace {

bool is_folder(const std::filesystem::path& path) {
    std::error_code unused;
    return std::filesystem::is_directory(path, unused);
}

result<void>
// Someone who copies a record by hand and forgets to change it inside would log in elsewhere than
// the path says.
check_place(const record_tree& tree, const record& node, const std::filesystem::path& file) {
    const auto id = id_of(node);
    const auto place = tree.node(id);
    if (place == file)
        return {};
    return fault{to_error_code(file_errc::misplaced), file, link_name(id), place};
}

// One file, one of three results: a record, a fault, or gone meanwhile.
void read_into(const record_tree& tree, const std::filesystem::path& file, record_selection& into) {
    auto found = read_record(record_kind::node, file);
    if (!found) {
        into.unreadable.push_back(found.error());
        return;
    }
    if (!*found)
        return; // removed since the folder was listed
    if (const auto right = check_place(tree, **found, file); !right)
        into.unreadable.push_back(right.error());
    else
        into.records.push_back(std::move(**found));
}

// An unreadable record is one, too.
bool is_stored(const record_tree& tree, const node_id& id) {
    const auto there = read_node(tree, id);
    return !there || *there;
}

std::vector<std::string> names_in(const std::filesystem::path& folder, record_selection& into) {
    auto names = list_folder(folder);
    if (names)
        return std::move(*names);
    into.unreadable.push_back(names.error());
    return {};
}

} // namespace

result<std::optional<record>> read_record(record_kind kind, const std::filesystem::path& file) {
    const auto text = read_file(file);
    if (!text)
        return text.error();
    if (!*text)
        return std::optional<record>();
    auto parsed = parse_record(kind, **text, file.string());
    if (!parsed)
        return parsed.error();
    return std::optional(std::move(*parsed));
}

result<std::optional<record>> read_node(const record_tree& tree, const node_id& id) {
    const auto file = tree.node(id);
    auto found = read_record(record_kind::node, file);
    if (!found || !*found)
        return found;
    if (auto right = check_place(tree, **found, file); !right)
        return right.error();
    if (id_of(**found) != id)
        return std::optional<record>(); // its file holds the record of another interface
    return found;
}

// A portal without a group tag is a file, one with a tag a folder with a file for each interface.
void read_target(const record_tree& tree, const std::string& target, record_selection& into) {
    const auto folder = tree.nodes() / target;
    for (const auto& portal : names_in(folder, into)) {
        const auto place = folder / portal;
        if (!is_folder(place)) {
            read_into(tree, place, into);
            continue;
        }
        for (const auto& interface : names_in(place, into))
            read_into(tree, place / interface, into);
    }
}

std::vector<node_id> nodes_discovered_by(const record_tree& tree, const discovery_id& id) {
    std::vector<node_id> nodes;
    if (!check_paths(id))
        return nodes;
    const auto names = list_folder(tree.discovery_folder(id));
    if (!names)
        return nodes;
    for (const auto& name : *names)
        if (auto node = parse_link_name(name))
            if (is_stored(tree, *node))
                nodes.push_back(std::move(*node));
    return nodes;
}

} // namespace iscsi::admin
