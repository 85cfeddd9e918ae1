#include "iscsiadm/print/records.hpp"

#include "iscsiadm/print/portals.hpp"

#include "libiscsi/admin/setting.hpp"
#include "libiscsi/admin/version.hpp"

#include <fmt/core.h>

namespace iscsi::cli {

namespace {

std::string_view shown_value(std::string_view name, std::string_view value, bool reveal) {
    return is_hidden(name, value, reveal) ? hidden_secret : or_blank(value);
}

// The records come sorted by target, so a target is printed when it changes.
std::string branch_of(const std::string& interface, const std::vector<admin::node_id>& nodes) {
    std::string lines = fmt::format("Iface: {}\n", interface);
    std::string_view last_target;
    for (const admin::node_id& node : nodes) {
        if (node.interface != interface)
            continue;
        if (node.target != last_target)
            lines += fmt::format("\tTarget: {}\n", node.target);
        lines +=
            fmt::format("\t\tPortal: {}\n", tree_portal(node.address, node.port, node.group_tag));
        last_target = node.target;
    }
    return lines;
}

} // namespace

bool is_hidden(std::string_view name, std::string_view value, bool reveal) {
    const admin::setting* row = admin::find_setting(name);
    return !value.empty() && row != nullptr && row->masked && !reveal;
}

// In the order of open-iscsi's records, unknown keys last; this text is also the form of the files,
// but for hidden secrets and "<empty>".
std::string show_record(const admin::record& record, bool reveal) {
    return show_settings(record.entries(), reveal);
}

std::string
show_settings(const std::vector<std::pair<std::string, std::string>>& settings, bool reveal) {
    std::string lines = fmt::format("# BEGIN RECORD {}\n", admin::compatible_version);
    for (const auto& [name, value] : settings)
        lines += fmt::format("{} = {}\n", name, shown_value(name, value, reveal));
    return lines + "# END RECORD\n";
}

std::string flat_interface(const admin::record& interface) {
    return fmt::format(
        "{} {},{},{},{},{}\n",
        interface.get("iface.iscsi_ifacename"),
        or_blank(interface.get("iface.transport_name")),
        or_blank(interface.get("iface.hwaddress")),
        or_blank(interface.get("iface.ipaddress")),
        or_blank(interface.get("iface.net_ifacename")),
        or_blank(interface.get("iface.initiatorname"))
    );
}

std::string interface_tree(
    const std::vector<admin::record>& interfaces, const std::vector<admin::node_id>& nodes
) {
    std::string lines;
    if (nodes.empty()) // then there is no tree
        return lines;
    for (const admin::record& interface : interfaces)
        lines += branch_of(interface.get("iface.iscsi_ifacename"), nodes);
    return lines;
}

std::string node_added(const admin::record& node) {
    const admin::node_id id = id_of(node);
    return fmt::format(
        "New iSCSI node [{}:[hw={},ip={},net_if={},iscsi_if={}] {},{},{} {}] added\n",
        node.get("iface.transport_name"),
        node.get("iface.hwaddress"),
        node.get("iface.ipaddress"),
        node.get("iface.net_ifacename"),
        id.interface,
        id.address,
        id.port,
        id.group_tag,
        id.target
    );
}

} // namespace iscsi::cli
