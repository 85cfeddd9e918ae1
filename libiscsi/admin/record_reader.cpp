#include "libiscsi/admin/record_reader.hpp"

#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/written_id.hpp"

#include <algorithm>

namespace iscsi::admin {

namespace {

bool is_folder(const std::filesystem::path& path) {
    std::error_code unused;
    return std::filesystem::is_directory(path, unused);
}

// Someone who copies a record by hand and forgets to change it inside would log in elsewhere than
// the path says.
result<void>
check_place(const record_tree& tree, const node_id& id, const std::filesystem::path& file) {
    const auto place = tree.node(id);
    if (place == file || (id.group_tag < 0 && tree.further_node(id) == file))
        return {};
    return fault{to_error_code(file_errc::misplaced), file, link_name(id), place};
}

bool selects_record(const bad_value& bad) {
    const auto* const row = find_setting(record_kind::node, bad.name);
    return row != nullptr && !row->writable;
}

// What selects a record stands in its path, too: where the file says nothing usable, the path does.
void complete_from_path(const std::filesystem::path& file, record& node) {
    const auto& bad = node.bad_values();
    const bool says_all =
        !node.get("node.name").empty() && !node.get("node.conn[0].address").empty();
    if (says_all && !node.is_damaged() && std::none_of(bad.begin(), bad.end(), selects_record))
        return;
    const auto portal_at = [](const std::filesystem::path& path) {
        return parse_node_portal(path.filename().string());
    };
    const bool plain = portal_at(file).has_value(); // without a group tag
    const auto place = plain ? file : file.parent_path();
    auto id = portal_at(place);
    if (!id)
        return;
    id->target = place.parent_path().filename().string();
    id->interface = plain ? node.get("iface.iscsi_ifacename") : file.filename().string();
    static_cast<void>(select_as(node, *id)); // else it stays bad, and is found misplaced
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
    complete_from_path(file, **found);
    const auto right = check_place(tree, id_of(**found), file);
    if ((!right || (*found)->is_damaged()) && is_leftover(file))
        return;
    if (!right)
        into.unreadable.push_back(right.error());
    else
        into.records.push_back(std::move(**found));
}

// The same for a listing, which needs no more than the id.
void read_id_into(const record_tree& tree, const std::filesystem::path& file, id_selection& into) {
    const auto text = read_file(file);
    const auto id = text && *text ? written_id(**text) : std::nullopt;
    if (id && check_place(tree, *id, file)) {
        into.ids.push_back(*id);
        return;
    }
    record_selection whole;
    read_into(tree, file, whole);
    for (const auto& node : whole.records) {
        into.ids.push_back(id_of(node));
        if (node.is_damaged())
            into.damaged.push_back(node.bad_values().front().why);
    }
    for (auto& why : whole.unreadable)
        into.unreadable.push_back(std::move(why));
}

// An unreadable record is one, too.
bool is_stored(const record_tree& tree, const node_id& id) {
    const auto there = read_node(tree, id);
    return !there || *there;
}

std::vector<std::string>
names_in(const std::filesystem::path& folder, std::vector<fault>& unreadable) {
    auto names = list_folder(folder);
    if (names)
        return std::move(*names);
    unreadable.push_back(names.error());
    return {};
}

// A portal without a group tag is a file, one with a tag a folder with a file for each interface.
template <class Reader>
void for_each_file(
    const std::filesystem::path& folder, std::vector<fault>& unreadable, Reader read
) {
    for (const auto& portal : names_in(folder, unreadable)) {
        const auto place = folder / portal;
        if (!is_folder(place)) {
            read(place);
            continue;
        }
        for (const auto& interface : names_in(place, unreadable))
            read(place / interface);
    }
}

} // namespace

bool is_leftover(const std::filesystem::path& file) {
    const auto name = file.filename().string();
    const auto ends = [&name](std::string_view with) { return name.ends_with(with); };
    return name.starts_with('.') || name.find(".dpkg-") != std::string::npos || ends("~") ||
           ends(".bak") || ends(".swp") || ends(".new");
}

result<std::optional<record>> read_record(record_kind kind, const std::filesystem::path& file) {
    const auto text = read_file(file);
    if (!text)
        return text.error();
    if (!*text)
        return std::optional<record>();
    return std::optional(parse_record(kind, **text, file.string()));
}

std::filesystem::path place_of(const record_tree& tree, const node_id& id) {
    auto file = tree.node(id);
    if (id.group_tag >= 0)
        return file;
    std::error_code unused;
    auto further = tree.further_node(id);
    if (std::filesystem::exists(further, unused))
        return further;
    const auto there = read_record(record_kind::node, file);
    const bool is_free = !there || !*there; // an unreadable one may be replaced
    return is_free || (*there)->get("iface.iscsi_ifacename") == id.interface ? file : further;
}

result<std::optional<record>> read_node(const record_tree& tree, const node_id& id) {
    const auto file = place_of(tree, id);
    auto found = read_record(record_kind::node, file);
    if (!found || !*found)
        return found;
    complete_from_path(file, **found);
    if (auto right = check_place(tree, id_of(**found), file); !right)
        return right.error();
    if (id_of(**found) != id)
        return std::optional<record>(); // its file holds the record of another interface
    return found;
}

void read_target(const record_tree& tree, const std::string& target, record_selection& into) {
    for_each_file(tree.nodes() / target, into.unreadable, [&](const auto& file) {
        read_into(tree, file, into);
    });
}

void read_ids(const record_tree& tree, const std::string& target, id_selection& into) {
    for_each_file(tree.nodes() / target, into.unreadable, [&](const auto& file) {
        read_id_into(tree, file, into);
    });
}

std::vector<int> known_group_tags(const record_tree& tree, const node_id& id) {
    std::vector<int> tags;
    const auto names = list_folder(tree.target(id));
    if (!names)
        return tags;
    for (const auto& name : *names) {
        const auto portal = parse_node_portal(name);
        if (portal && portal->group_tag >= 0 && portal->address == id.address &&
            portal->port == id.port)
            tags.push_back(portal->group_tag);
    }
    return tags;
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
