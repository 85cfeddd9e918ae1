#include "iscsiadm/complete/values.hpp"

#include "iscsiadm/cli/lun.hpp"
#include "iscsiadm/cli/options.hpp"
#include "iscsiadm/cli/parse.hpp"

#include "libiscsi/admin/portal_text.hpp"
#include "libiscsi/admin/reservation_words.hpp"
#include "libiscsi/admin/setting.hpp"
#include "libiscsi/admin/words.hpp"

#include <algorithm>

namespace iscsi::cli {

namespace {

using words = std::vector<std::string>;

words copies_of(const std::vector<std::string_view>& views) {
    return {views.begin(), views.end()};
}

words numbers(int highest) {
    words all;
    for (int each = 0; each <= highest; ++each)
        all.push_back(std::to_string(each));
    return all;
}

admin::node_filter filter_of(const typed_options& typed) {
    admin::node_filter filter;
    if (!typed.target.empty())
        filter.target = typed.target;
    if (!typed.interface.empty())
        filter.interface = typed.interface;
    return filter;
}

bool discovers(const typed_options& typed) {
    return typed.mode.starts_with("discovery");
}

words targets(const typed_options& typed, const completion_sources& from) {
    words all;
    for (const auto& id : from.store.list({.interface = filter_of(typed).interface}).ids)
        all.push_back(id.target);
    return all;
}

words portals(const typed_options& typed, const completion_sources& from) {
    words all;
    if (discovers(typed))
        for (const auto& id : from.store.discoveries())
            all.push_back(admin::portal_text(id.address, id.port));
    else
        for (const auto& id : from.store.list(filter_of(typed)).ids)
            all.push_back(admin::portal_text(id.address, id.port));
    return all;
}

words interfaces(const completion_sources& from) {
    words all{"default"};
    for (const auto& each : from.store.select_interfaces().records)
        all.push_back(each.get("iface.iscsi_ifacename"));
    return all;
}

words sessions(const completion_sources& from) {
    words all;
    if (const auto listed = from.daemon.list_sessions())
        for (const auto& each : *listed)
            all.push_back(std::to_string(each.sid));
    return all;
}

// Of all sessions.
words luns(const completion_sources& from) {
    words all;
    if (const auto listed = from.daemon.list_sessions())
        for (const auto& session : *listed)
            for (const auto& unit : session.luns)
                all.push_back(written_lun(unit.lun));
    return all;
}

words operations_of(const typed_options& typed) {
    words all{"new", "delete", "update", "show"};
    if (discovers(typed))
        all.emplace_back("nonpersistent");
    if (typed.mode == "node")
        all.emplace_back("import");
    return all;
}

admin::record_kind kind_of(const typed_options& typed) {
    if (discovers(typed))
        return typed.type == "isns" ? admin::record_kind::isns : admin::record_kind::send_targets;
    return typed.mode == "iface" ? admin::record_kind::interface : admin::record_kind::node;
}

// Those that -o update takes in this mode: of a node's interface settings only the transport.
bool can_be_set(const admin::setting& row, const typed_options& typed) {
    using admin::setting_group;
    if (!row.writable || admin::find_setting(kind_of(typed), row.name) == nullptr)
        return false;
    return row.group != setting_group::interface || typed.mode == "iface" ||
           row.name == "iface.transport_name";
}

words keys(const typed_options& typed) {
    words all;
    for (const admin::setting& row : admin::settings())
        if (can_be_set(row, typed))
            all.emplace_back(row.name);
    return all;
}

// What the records that are meant say now: a value to begin from.
words stored_values(
    const std::string& key, const typed_options& typed, const completion_sources& from
) {
    if (typed.mode != "node" || typed.target.empty())
        return {};
    words all;
    for (const auto& record : from.store.select(filter_of(typed)).records)
        if (const auto* const value = record.find(key); value != nullptr && !value->empty())
            all.push_back(*value);
    return all;
}

words values_of_key(const typed_options& typed, const completion_sources& from) {
    const auto* const row = admin::find_setting(kind_of(typed), typed.key);
    if (row == nullptr || row->masked)
        return {};
    if (!row->choices.empty())
        return copies_of(admin::split(row->choices, '|'));
    words all = stored_values(typed.key, typed, from);
    if (!row->fallback.empty())
        all.emplace_back(row->fallback);
    return all;
}

template <class Rows>
words words_of(const Rows& rows) {
    words all;
    for (const auto& row : rows)
        all.emplace_back(row.word);
    return all;
}

words types_of(const typed_options& typed) {
    if (typed.mode == "session")
        return words_of(admin::reservation_types());
    return {"sendtargets", "st"};
}

int highest_level(const typed_options& typed) {
    if (typed.mode == "session")
        return 3;
    return typed.mode == "host" ? 4 : 1;
}

} // namespace

std::vector<std::string>
values_of(char letter, const typed_options& typed, const completion_sources& from) {
    switch (letter) {
    case 'm':
        return copies_of(mode_names());
    case 'T':
        return targets(typed, from);
    case 'p':
        return portals(typed, from);
    case 'I':
        return interfaces(from);
    case 'r':
    case 'H':
        return sessions(from);
    case long_only::lun:
        return luns(from);
    case 'o':
        return operations_of(typed);
    case 't':
        return types_of(typed);
    case long_only::persist:
        return words_of(admin::reserve_verbs());
    case 'n':
        return keys(typed);
    case 'v':
        return values_of_key(typed, from);
    case 'L':
        return {"all", "automatic", "manual", "onboot"};
    case 'U':
        return {"all", "automatic", "manual"};
    case 'P':
        return numbers(highest_level(typed));
    case 'd':
        return numbers(8);
    case 'k':
        return {"0"};
    default:
        return {};
    }
}

} // namespace iscsi::cli
