#include "libiscsi/admin/record.hpp"

#include "libiscsi/admin/interface_value.hpp"
#include "libiscsi/admin/words.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>

namespace iscsi::admin {

namespace {

constexpr std::size_t longest_unknown_value = 255;

// A node record holds a copy of its interface's settings, as in open-iscsi.
bool stands_in(const setting& row, record_kind kind) {
    switch (kind) {
    case record_kind::node:
        return row.group == setting_group::node || row.group == setting_group::interface;
    case record_kind::send_targets:
        return row.group == setting_group::send_targets || row.group == setting_group::discovery;
    case record_kind::isns:
        return row.group == setting_group::isns || row.group == setting_group::discovery;
    case record_kind::interface:
        return row.group == setting_group::interface;
    }
    return false;
}

using row_index = std::map<std::string_view, const setting*, std::less<>>;

row_index index_rows(record_kind kind) {
    row_index index;
    for (const auto& row : settings())
        if (stands_in(row, kind))
            index.emplace(row.name, &row);
    if (kind == record_kind::node)
        index.emplace("node.transport_name", index.at("iface.transport_name"));
    return index;
}

// Made once, at the first use; records are made and read by several threads.
const row_index& rows_of(record_kind kind) {
    static const auto node = index_rows(record_kind::node);
    static const auto send_targets = index_rows(record_kind::send_targets);
    static const auto isns = index_rows(record_kind::isns);
    static const auto interface = index_rows(record_kind::interface);
    switch (kind) {
    case record_kind::node:
        return node;
    case record_kind::send_targets:
        return send_targets;
    case record_kind::isns:
        return isns;
    case record_kind::interface:
        break;
    }
    return interface;
}

fault refusal(setting_errc why, std::string_view name, std::string_view expected) {
    return {to_error_code(why), std::string(name), "", std::string(expected)};
}

// The transport is the one setting of an interface that open-iscsi lets a node change.
result<void> check_writable(record_kind kind, const setting& row) {
    const bool of_interface = row.group == setting_group::interface;
    if (kind == record_kind::node && of_interface && row.name != "iface.transport_name")
        return refusal(setting_errc::not_writable, row.name, interface_mode);
    if (!row.writable)
        return refusal(setting_errc::not_writable, row.name, "a key that selects no record");
    return {};
}

// What a record file can hold without changing it.
result<void> check_unknown(std::string_view name, std::string_view value) {
    if (std::any_of(value.begin(), value.end(), is_control))
        return refusal(setting_errc::control_character, name, "printable characters");
    if (trim(value) != value)
        return refusal(setting_errc::outer_blank, name, "no blank at either end");
    if (value.size() > longest_unknown_value)
        return refusal(setting_errc::too_long, name, "at most 255 bytes");
    return {};
}

// What a reader of the file would take for the end of the key.
bool is_key_character(char c) {
    return !is_blank(c) && !is_control(c) && c != '=' && c != '#';
}

} // namespace

const setting* find_setting(record_kind kind, std::string_view name) {
    const auto& rows = rows_of(kind);
    const auto found = rows.find(name);
    return found == rows.end() ? nullptr : found->second;
}

record::record(record_kind kind) : kind_(kind) {
    for (const auto& row : settings())
        if (stands_in(row, kind))
            values_.emplace(row.name, row.fallback);
}

const std::string& record::value_of(std::string_view key) const {
    static const std::string nothing;
    const auto found = values_.find(key);
    assert(found != values_.end() && "records of this kind have no such key");
    return found == values_.end() ? nothing : found->second;
}

const std::string& record::get(setting_key key) const {
    return value_of(key.name());
}

std::int64_t record::get_integer(integer_key key) const {
    const auto& text = value_of(key.name());
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

bool record::get_boolean(boolean_key key) const {
    return value_of(key.name()) == "Yes";
}

const std::string* record::find(std::string_view name) const {
    if (const auto* const row = find_setting(kind_, name))
        return &values_.find(row->name)->second;
    const auto kept = std::find_if(unknown_.begin(), unknown_.end(), [name](const auto& entry) {
        return entry.first == name;
    });
    return kept == unknown_.end() ? nullptr : &kept->second;
}

result<void> record::assign(setting_key key, std::string_view value) {
    return set(key.name(), value);
}

result<void> record::set(std::string_view name, std::string_view value) {
    const auto* const row = find_setting(kind_, name);
    if (row == nullptr)
        return keep_unknown(name, value);
    if (auto checked = check_value(*row, value); !checked)
        return checked;
    // A file holds no empty value: reading it again gives the default.
    values_.find(row->name)->second =
        value.empty() ? std::string(row->fallback) : canonical_value(*row, value);
    std::erase_if(bad_, [row](const bad_value& bad) { return bad.name == row->name; });
    return {};
}

// The last line of a key counts, as everywhere: it also ends an earlier good value.
void record::keep_bad(bad_value what) {
    if (const auto* const row = find_setting(kind_, what.name)) {
        what.name = row->name; // not its alias
        values_.find(row->name)->second = row->fallback;
    }
    if (!what.name.empty())
        std::erase_if(bad_, [&what](const bad_value& bad) { return bad.name == what.name; });
    bad_.push_back(std::move(what));
}

void record::mark_damaged(wholeness how, std::string why) {
    whole_ = how;
    keep_bad({"", "", std::move(why)});
}

result<void> record::update(std::string_view name, std::string_view value) {
    const auto* const row = find_setting(kind_, name);
    if (row == nullptr)
        return refusal(setting_errc::unknown_name, name, "a key of this record");
    if (auto writable = check_writable(kind_, *row); !writable)
        return writable;
    if (auto good = check_interface_value(row->name, value); !good)
        return good;
    auto taken = set(name, value);
    if (taken)
        mark_set_by_user(name);
    return taken;
}

void record::mark_set_by_user(std::string_view name) {
    const auto* const row = find_setting(kind_, name);
    if (kind_ != record_kind::interface && row != nullptr && check_writable(kind_, *row))
        user_keys_.emplace(row->name); // not its alias
}

std::vector<std::pair<std::string, std::string>> record::entries() const {
    const auto hidden_family = uses_ipv6() ? address_family::ipv4 : address_family::ipv6;
    std::vector<std::pair<std::string, std::string>> all;
    all.reserve(values_.size() + unknown_.size());
    for (const auto& row : settings()) {
        if (!stands_in(row, kind_))
            continue;
        const auto& value = shown_value(row.name);
        const bool only_if_changed = row.sparse || row.family == hidden_family;
        if (!only_if_changed || value != row.fallback)
            all.emplace_back(row.name, value);
    }
    all.insert(all.end(), unknown_.begin(), unknown_.end());
    return all;
}

// A bad value as it stands in its file.
const std::string& record::shown_value(std::string_view key) const {
    const auto bad = std::find_if(bad_.begin(), bad_.end(), [key](const bad_value& one) {
        return one.name == key;
    });
    return bad == bad_.end() ? values_.find(key)->second : bad->text;
}

// open-iscsi decides by the same two signs which family's settings it prints.
bool record::uses_ipv6() const {
    if (kind_ == record_kind::send_targets || kind_ == record_kind::isns)
        return false;
    return get("iface.iscsi_ifacename").find("ipv6") != std::string::npos ||
           get("iface.ipaddress").find(':') != std::string::npos;
}

result<void> record::keep_unknown(std::string_view name, std::string_view value) {
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_key_character))
        return refusal(setting_errc::unknown_name, name, "a key without blanks");
    if (auto checked = check_unknown(name, value); !checked)
        return checked;
    const auto kept = std::find_if(unknown_.begin(), unknown_.end(), [name](const auto& entry) {
        return entry.first == name;
    });
    if (value.empty()) { // a file holds no empty value
        if (kept != unknown_.end())
            unknown_.erase(kept);
    } else if (kept != unknown_.end()) {
        kept->second = value;
    } else {
        unknown_.emplace_back(name, value);
    }
    return {};
}

// A bad value is a wish, too, if one that nobody can follow: it stays for its user to mend.
void keep_user_settings(const record& from, record& to) {
    const auto& bad = from.bad_values();
    for (const auto& key : from.user_keys()) {
        const auto wrong = std::find_if(bad.begin(), bad.end(), [&key](const bad_value& one) {
            return one.name == key;
        });
        const auto* const value = from.find(key);
        if (wrong != bad.end())
            to.keep_bad(*wrong);
        else if (value == nullptr || !to.set(key, *value))
            continue;
        to.mark_set_by_user(key);
    }
}

node_id id_of(const record& node) {
    node_id id;
    id.target = node.get("node.name");
    id.address = node.get("node.conn[0].address");
    id.port = static_cast<std::uint16_t>(node.get_integer("node.conn[0].port"));
    id.group_tag = static_cast<int>(node.get_integer("node.tpgt"));
    id.interface = node.get("iface.iscsi_ifacename");
    return id;
}

result<void> select_as(record& node, const node_id& id) {
    const std::vector<assignment> place{
        {"node.name", id.target},
        {"node.tpgt", std::to_string(id.group_tag)},
        {"node.conn[0].address", id.address},
        {"node.conn[0].port", std::to_string(id.port)},
        {"iface.iscsi_ifacename", id.interface}};
    for (const auto& [key, value] : place)
        if (auto set = node.assign(key, value); !set)
            return set;
    return {};
}

discovery_id id_of_discovery(const record& from) {
    return {
        from.get("discovery.sendtargets.address"),
        static_cast<std::uint16_t>(from.get_integer("discovery.sendtargets.port")),
        from.kind() == record_kind::isns ? source_kind::isns : source_kind::send_targets};
}

} // namespace iscsi::admin
