#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>

// What selects a record: the names of its folders and of its file.
namespace iscsi::admin {

// What identifies a node record: nodes/<target>/<address>,<port>,<tpgt>/<iface>.
struct node_id {
    std::string target;
    std::string address;
    std::uint16_t port = 3260;
    int group_tag = -1; // -1: not known
    std::string interface = "default";
    friend auto operator<=>(const node_id&, const node_id&) = default;
};

// Whether both lead to the same portal through the same interface, whatever is known of its portal
// group: a session of the one is a session of the other, with the same ISID.
bool is_same_path(const node_id& one, const node_id& other);

// Which node records; fields that are not set match everything.
struct node_filter {
    std::optional<std::string> target = {};
    std::optional<std::string> address = {};
    std::optional<std::uint16_t> port = {};
    std::optional<int> group_tag = {};
    std::optional<std::string> interface = {};
    bool matches(const node_id& id) const;
};

// The filter that matches this record alone.
node_filter filter_for(const node_id& id);

// Who is asked for targets: one portal, or a server that knows many.
enum class source_kind : std::uint8_t { send_targets, isns };

inline constexpr std::array source_kinds{source_kind::send_targets, source_kind::isns};

// Whom a discovery record asks, with the name that its folder has.
struct discovery_id {
    std::string address;
    std::uint16_t port = 3260;
    source_kind kind = source_kind::send_targets;
    friend auto operator<=>(const discovery_id&, const discovery_id&) = default;
};

} // namespace iscsi::admin
