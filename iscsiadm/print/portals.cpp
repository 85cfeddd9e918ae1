#include "iscsiadm/print/portals.hpp"

#include <fmt/core.h>

namespace iscsi::cli {

namespace {

constexpr std::string_view no_targets = "No targets found.\n";

// An empty branch has a line of its own in open-iscsi's tree.
std::string tree_or_none(const std::vector<admin::node_id>& nodes) {
    return nodes.empty() ? std::string(no_targets) : node_tree(nodes, repeat_portal::no);
}

// The interface is not compared: interfaces are what a portal is repeated for.
bool same_portal(const admin::node_id& one, const admin::node_id& other) {
    return one.target == other.target && one.address == other.address && one.port == other.port &&
           one.group_tag == other.group_tag;
}

} // namespace

std::string_view or_blank(std::string_view text) {
    return text.empty() ? blank : text;
}

std::string bracketed(std::string_view address) {
    const bool dotted = address.find('.') != std::string_view::npos;
    return dotted ? std::string(address) : fmt::format("[{}]", address);
}

// -1 as unsigned is open-iscsi's own slip, and scripts cut the field by it; so it stays.
std::string flat_portal(std::string_view address, std::uint16_t port, int group_tag) {
    return fmt::format("{}:{},{}", bracketed(address), port, static_cast<std::uint32_t>(group_tag));
}

std::string tree_portal(std::string_view address, std::uint16_t port, int group_tag) {
    return fmt::format("{}:{},{}", bracketed(address), port, group_tag);
}

std::string record_words(const admin::node_id& node) {
    return fmt::format(
        "iface: {}, target: {}, portal: {},{}", node.interface, node.target, node.address, node.port
    );
}

std::string flat_nodes(const std::vector<admin::node_id>& nodes) {
    std::string lines;
    for (const admin::node_id& node : nodes)
        lines += flat_portal(node.address, node.port, node.group_tag) + " " + node.target + "\n";
    return lines;
}

// The order is that of the records; a target is named anew when it changes.
std::string node_tree(const std::vector<admin::node_id>& nodes, repeat_portal repeat) {
    std::string lines;
    const admin::node_id* last = nullptr;
    for (const admin::node_id& node : nodes) {
        if (last == nullptr || last->target != node.target)
            lines += fmt::format("Target: {}\n", node.target);
        if (repeat == repeat_portal::yes || last == nullptr || !same_portal(*last, node))
            lines +=
                fmt::format("\tPortal: {}\n", tree_portal(node.address, node.port, node.group_tag));
        lines += fmt::format("\t\tIface Name: {}\n", node.interface);
        last = &node;
    }
    return lines;
}

std::string flat_discoveries(const std::vector<admin::discovery_id>& discoveries) {
    std::string lines;
    for (const admin::discovery_id& one : discoveries)
        lines += fmt::format(
            "{}:{} via {}\n",
            bracketed(one.address),
            one.port,
            one.kind == admin::source_kind::isns ? "isns" : "sendtargets"
        );
    return lines;
}

namespace {

std::string source_tree(const std::vector<discovery_branch>& sources, admin::source_kind kind) {
    std::string lines;
    for (const auto& [source, nodes] : sources)
        if (source.kind == kind)
            lines += fmt::format("DiscoveryAddress: {},{}\n", source.address, source.port) +
                     node_tree(nodes, repeat_portal::no);
    return lines.empty() ? std::string(no_targets) : lines;
}

} // namespace

std::string discovery_tree(
    const std::vector<discovery_branch>& sources,
    const std::vector<admin::node_id>& fixed,
    const std::vector<admin::node_id>& firmware
) {
    return fmt::format(
        "SENDTARGETS:\n{}iSNS:\n{}STATIC:\n{}FIRMWARE:\n{}",
        source_tree(sources, admin::source_kind::send_targets),
        source_tree(sources, admin::source_kind::isns),
        tree_or_none(fixed),
        tree_or_none(firmware)
    );
}

} // namespace iscsi::cli
