#pragma once

#include "libiscsi/admin/setting.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace iscsi::admin {

enum class record_kind : std::uint8_t { node, send_targets, interface };

// The row of a key in records of this kind, or nullptr.
const setting* find_setting(record_kind kind, std::string_view name);

// fault::expected of update(), for a key that is changed in the interface record only.
inline constexpr std::string_view interface_mode = "iface mode";

// A record of open-iscsi: an ordered set of settings. Every key of its kind has a value (that of
// the row's fallback at first); keys that this version does not know are kept and written back.
class record {
  public:
    explicit record(record_kind kind);

    record_kind kind() const { return kind_; }

    const std::string& get(std::string_view name) const;   // empty when there is no such key
    std::int64_t get_integer(std::string_view name) const; // checked at set(); 0 when empty
    bool get_boolean(std::string_view name) const;

    // Faults: setting_errc. `set` is for programs and files and keeps keys that have no row;
    // `update` is for users: it refuses those, keys that are not writable, and in node records
    // every iface.* but iface.transport_name (expected: interface_mode).
    result<void> set(std::string_view name, std::string_view value);
    result<void> update(std::string_view name, std::string_view value);

    // Key and value in the order of open-iscsi, unknown keys last. Of the interface settings of
    // the address family that is not in use only those that were changed.
    std::vector<std::pair<std::string, std::string>> entries() const;

    friend bool operator==(const record&, const record&) = default;

  private:
    bool uses_ipv6() const;
    result<void> keep_unknown(std::string_view name, std::string_view value);

    record_kind kind_;
    std::map<std::string, std::string, std::less<>> values_;
    std::vector<std::pair<std::string, std::string>> unknown_;
};

// What identifies a node record: nodes/<target>/<address>,<port>,<tpgt>/<iface>.
struct node_id {
    std::string target;
    std::string address;
    std::uint16_t port = 3260;
    int group_tag = -1; // -1: not known
    std::string interface = "default";
    friend auto operator<=>(const node_id&, const node_id&) = default;
};

node_id id_of(const record& node);

// Whether both lead to the same portal through the same interface, whatever is known of its portal
// group: a session of the one is a session of the other, with the same ISID.
bool is_same_path(const node_id& one, const node_id& other);

} // namespace iscsi::admin
