#include "libiscsi/admin/record_tree.hpp"

#include "libiscsi/admin/words.hpp"
#include "libiscsi/names/iscsi_name.hpp"

#include <algorithm>

namespace iscsi::admin {

namespace {

constexpr std::size_t longest_target = 223; // RFC 7143 §4.2.7.2
constexpr std::size_t longest_address = 255;
constexpr std::size_t longest_interface = 64;

// A comma separates the parts of a name in the tree; a slash would leave it.
// A blank would break the lines that list names; nothing in a target's name or an address needs
// one.
bool is_unsafe(char c) {
    return c == '/' || c == ',' || is_control(c) || c == ' ';
}

// The first bytes of what is too long are shown, so that the line stays one.
result<void> check_part(std::string_view field, std::string_view text, std::size_t longest) {
    if (text.empty())
        return name_fault(name_errc::empty_name, field, text, "");
    if (text.size() > longest)
        return name_fault(name_errc::name_too_long, field, text.substr(0, longest), "");
    if (text.front() == '.' || std::any_of(text.begin(), text.end(), is_unsafe))
        return name_fault(
            name_errc::bad_character, field, text, "no slash, comma, blank or first dot"
        );
    return {};
}

// Takes "…,last" apart.
std::string_view take_last(std::string_view& text) {
    const auto comma = text.rfind(',');
    const auto last = text.substr(comma + 1); // npos + 1 is 0
    text = text.substr(0, comma == std::string_view::npos ? 0 : comma);
    return last;
}

discovery_id source_of(const record& node) {
    return {
        node.get("node.discovery_address"),
        static_cast<std::uint16_t>(node.get_integer("node.discovery_port")),
        node.get("node.discovery_type") == "isns" ? source_kind::isns : source_kind::send_targets};
}

} // namespace

result<void> check_address(std::string_view address) {
    return check_part("address", address, longest_address);
}

result<void> check_interface_name(std::string_view name) {
    return check_part("interface name", name, longest_interface);
}

result<void> check_paths(const node_id& id) {
    if (auto good = check_part("target name", id.target, longest_target); !good)
        return good;
    if (auto good = check_address(id.address); !good)
        return good;
    return check_interface_name(id.interface);
}

result<void> check_new(const node_id& id) {
    if (auto good = check_iscsi_name(id.target); !good)
        return good;
    return check_paths(id);
}

result<void> check_paths(const discovery_id& id) {
    return check_address(id.address);
}

std::string portal_name(const discovery_id& id) {
    return id.address + "," + std::to_string(id.port);
}

std::optional<discovery_id> parse_portal_name(std::string_view name) {
    const auto port = to_number<std::uint16_t>(take_last(name));
    if (!port || !check_address(name))
        return std::nullopt;
    return discovery_id{std::string(name), *port};
}

std::string portal_name(const node_id& id) {
    const auto name = portal_name(discovery_id{id.address, id.port});
    return id.group_tag < 0 ? name : name + "," + std::to_string(id.group_tag);
}

// An address holds no comma, so one more than the port's is that of a group tag.
std::optional<node_id> parse_node_portal(std::string_view name) {
    node_id id;
    if (std::count(name.begin(), name.end(), ',') > 1) {
        const auto group_tag = to_number<int>(take_last(name));
        if (!group_tag)
            return std::nullopt;
        id.group_tag = *group_tag;
    }
    const auto portal = parse_portal_name(name);
    if (!portal)
        return std::nullopt;
    id.address = portal->address;
    id.port = portal->port;
    return id;
}

std::string link_name(const node_id& id) {
    return id.target + "," + id.address + "," + std::to_string(id.port) + "," +
           std::to_string(id.group_tag) + "," + id.interface;
}

// From the end: the target's name comes first and is the only part whose form is not ours.
std::optional<node_id> parse_link_name(std::string_view name) {
    const auto interface = take_last(name);
    const auto group_tag = to_number<int>(take_last(name));
    const auto port = to_number<std::uint16_t>(take_last(name));
    const auto address = take_last(name);
    if (!group_tag || !port)
        return std::nullopt;
    node_id id{std::string(name), std::string(address), *port, *group_tag, std::string(interface)};
    if (!check_paths(id))
        return std::nullopt;
    return id;
}

bool is_stored_interface(std::string_view name) {
    return name != "default" && name != "iser" && name != "iface.example";
}

std::filesystem::path record_tree::branch(const std::filesystem::path& path) const {
    return root_ / *path.lexically_relative(root_).begin();
}

std::filesystem::path record_tree::node(const node_id& id) const {
    return id.group_tag < 0 ? portal(id) : portal(id) / id.interface;
}

// open-iscsi lists records there, too; it never writes them.
std::filesystem::path record_tree::further_node(const node_id& id) const {
    return target(id) / (portal_name(id) + ",-1") / id.interface;
}

std::filesystem::path record_tree::sources(source_kind kind) const {
    return root_ / (kind == source_kind::isns ? "isns" : "send_targets");
}

std::filesystem::path record_tree::discovery_folder(const discovery_id& id) const {
    return sources(id.kind) / portal_name(id);
}

std::filesystem::path record_tree::discovery(const discovery_id& id) const {
    return discovery_folder(id) / (id.kind == source_kind::isns ? "isns_config" : "st_config");
}

std::optional<std::filesystem::path> record_tree::link(const record& node) const {
    const auto id = id_of(node);
    const auto& type = node.get("node.discovery_type");
    if ((type == "send_targets" || type == "isns") && check_paths(source_of(node)))
        return discovery_folder(source_of(node)) / link_name(id);
    if (type == "static" && id.group_tag >= 0)
        return root_ / "static" / link_name(id);
    if (type == "fw" && id.group_tag >= 0)
        return root_ / "fw" / link_name(id);
    return std::nullopt;
}

} // namespace iscsi::admin
