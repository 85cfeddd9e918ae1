#include "iscsiadm/print/json_members.hpp"

#include "iscsiadm/print/records.hpp"

#include "libiscsi/admin/setting.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace iscsi::cli {

namespace {

namespace json = boost::json;
using admin::session_info;

json::value group_tag_or_null(int group_tag) {
    return group_tag < 0 ? json::value(nullptr) : json::value(group_tag);
}

// The portal group is what the login has told.
json::object node_of(const session_info& session) {
    json::object node = node_members(session.node);
    node["group_tag"] = group_tag_or_null(session.group_tag);
    return node;
}

json::object connection_members(const shown_session& shown) {
    const session_info& session = shown.info;
    const json::object portal{
        {"address", text_or_null(session.current_address)}, {"port", session.current_port}};
    return {
        {"current_portal", portal},
        {"initiator_name", text_or_null(session.initiator_name)},
        {"interface_address", text_or_null(session.interface_address)},
        {"hardware_address", text_or_null(shown.binding.hardware_address)},
        {"net_device", text_or_null(shown.binding.net_device)},
        {"session_state", session.session_state},
        {"internal_state", session.internal_state}};
}

json::object timeout_members(const session_info& session) {
    return {
        {"recovery", session.recovery_timeout},
        {"target_reset", session.target_reset_timeout},
        {"lun_reset", session.lun_reset_timeout},
        {"abort", session.abort_timeout}};
}

// Without -S a secret that is not set looks like one that is, as in the lines.
json::object secret_members(const shown_session& shown) {
    const auto secret = [&shown](std::string session_secrets::*which) {
        return shown.secrets ? text_or_null((*shown.secrets).*which) : json::value(hidden_secret);
    };
    return {
        {"username", text_or_null(shown.info.username)},
        {"password", secret(&session_secrets::password)},
        {"username_in", text_or_null(shown.info.username_in)},
        {"password_in", secret(&session_secrets::password_in)}};
}

json::object parameter_members(const session_info& session) {
    return {
        {"header_digest", text_or_null(session.header_digest)},
        {"data_digest", text_or_null(session.data_digest)},
        {"max_recv_data_segment_length", session.max_recv_data_segment_length},
        {"max_xmit_data_segment_length", session.max_xmit_data_segment_length},
        {"first_burst_length", session.first_burst_length},
        {"max_burst_length", session.max_burst_length},
        {"immediate_data", session.immediate_data},
        {"initial_r2t", session.initial_r2t},
        {"max_outstanding_r2t", session.max_outstanding_r2t}};
}

// All LUNs: one without a disk is left out of the lines only because of their readers.
json::array lun_members(const session_info& session) {
    std::vector<admin::attached_lun> luns = session.luns;
    std::ranges::sort(luns, {}, &admin::attached_lun::lun);
    json::array all;
    for (const admin::attached_lun& lun : luns)
        all.push_back(json::object{
            {"lun", lun.lun}, {"disk", text_or_null(lun.disk)}, {"state", text_or_null(lun.state)}}
        );
    return all;
}

json::object io_members(const admin::io_figures& of) {
    json::array latencies;
    for (const admin::latency_bucket& bucket : of.latencies)
        latencies.push_back(json::object{{"below_us", bucket.below_us}, {"count", bucket.count}});
    return {
        {"kind", of.kind},
        {"in_flight", of.in_flight},
        {"requests", of.requests},
        {"failed", of.failed},
        {"bytes", of.bytes},
        {"latencies", std::move(latencies)}};
}

json::array io_members(const session_info& session) {
    json::array all;
    for (const admin::attached_lun& lun : session.luns) {
        json::array kinds;
        for (const admin::io_figures& of : lun.io)
            kinds.push_back(io_members(of));
        all.push_back(json::object{
            {"lun", lun.lun}, {"disk", text_or_null(lun.disk)}, {"io", std::move(kinds)}});
    }
    return all;
}

// With the state in short: a list must not take a login that is under way for a session that works.
json::object identity_members(const session_info& session) {
    return {
        {"sid", session.sid},
        {"transport", "tcp"},
        {"node", node_of(session)},
        {"connection_state", session.connection_state},
        {"login_pending", session.login_pending},
        {"logout_pending", session.logout_pending}};
}

// The levels of a host are those of its session, one later and without timeouts and secrets.
json::object session_of_host(const shown_session& shown, int level) {
    json::object session = identity_members(shown.info);
    add_all(session, connection_members(shown));
    if (level >= 3)
        session["parameters"] = parameter_members(shown.info);
    if (level >= 4)
        session["luns"] = lun_members(shown.info);
    return session;
}

json::value integer_or_text(std::string_view text) {
    std::int64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    return error == std::errc{} && stop == end ? json::value(number) : json::value(text);
}

// A value that its row does not take stays the text that stands in the file.
json::value
setting_value(admin::record_kind kind, std::string_view name, std::string_view text, bool reveal) {
    if (text.empty())
        return nullptr;
    if (is_hidden(name, text, reveal))
        return json::string(hidden_secret);
    const admin::setting* row = admin::find_setting(kind, name);
    if (row != nullptr && row->type == admin::setting_type::integer)
        return integer_or_text(text);
    if (row != nullptr && row->type == admin::setting_type::boolean &&
        (text == "Yes" || text == "No"))
        return text == "Yes";
    return json::string(text);
}

} // namespace

json::value text_or_null(std::string_view text) {
    return text.empty() ? json::value(nullptr) : json::value(text);
}

void add_all(json::object& to, const json::object& from) {
    for (const auto& member : from)
        to.insert_or_assign(member.key(), member.value());
}

json::object node_members(const admin::node_id& node) {
    return {
        {"target", node.target},
        {"address", node.address},
        {"port", node.port},
        {"group_tag", group_tag_or_null(node.group_tag)},
        {"interface", node.interface}};
}

json::object session_members(const shown_session& shown, int level) {
    json::object session = identity_members(shown.info);
    if (level >= 1)
        add_all(session, connection_members(shown));
    if (level >= 2) {
        session["timeouts"] = timeout_members(shown.info);
        session["chap"] = secret_members(shown);
        session["parameters"] = parameter_members(shown.info);
    }
    if (level >= 3) {
        session["host_number"] = shown.info.host_number;
        session["luns"] = lun_members(shown.info);
    }
    return session;
}

// What is not known is null.
json::object lun_details_members(const admin::lun_details& unit) {
    const bool is_known = unit.size != 0;
    const auto if_known = [](bool known, const json::value& value) {
        return known ? value : json::value(nullptr);
    };
    return {
        {"lun", unit.lun},
        {"kind", text_or_null(unit.kind)},
        {"vendor", text_or_null(unit.vendor)},
        {"product", text_or_null(unit.product)},
        {"revision", text_or_null(unit.revision)},
        {"wwid", text_or_null(unit.wwid)},
        {"size", if_known(is_known, unit.size)},
        {"block_size", if_known(is_known, unit.block_size)},
        {"thin", if_known(is_known, unit.thin)},
        {"write_cache", if_known(is_known && unit.write_cache_known, unit.write_cache)},
        {"read_only", if_known(is_known, unit.read_only)},
        {"state", unit.state},
        {"why", text_or_null(unit.why)},
        {"disk", text_or_null(unit.disk)}};
}

json::object statistics_members(const session_info& session) {
    json::object counters;
    for (const admin::session_counter& counter : session.statistics)
        counters[counter.name] = counter.value;
    return {
        {"sid", session.sid},
        {"node", node_of(session)},
        {"counters", std::move(counters)},
        {"luns", io_members(session)}};
}

json::object host_members(const shown_session& shown, int level) {
    json::object host{
        {"host_number", shown.info.host_number},
        {"transport", "tcp"},
        {"address", text_or_null(shown.info.interface_address)},
        {"hardware_address", nullptr},
        {"net_device", nullptr},
        {"initiator_name", nullptr}};
    if (level >= 1)
        host["state"] = "running";
    if (level >= 2)
        host["session"] = session_of_host(shown, level);
    return host;
}

json::object interface_members(const admin::record& interface) {
    return {
        {"name", interface.get("iface.iscsi_ifacename")},
        {"transport", text_or_null(interface.get("iface.transport_name"))},
        {"hardware_address", text_or_null(interface.get("iface.hwaddress"))},
        {"address", text_or_null(interface.get("iface.ipaddress"))},
        {"net_device", text_or_null(interface.get("iface.net_ifacename"))},
        {"initiator_name", text_or_null(interface.get("iface.initiatorname"))}};
}

json::object record_members(const admin::record& record, bool reveal) {
    json::object settings;
    for (const auto& [name, value] : record.entries())
        settings[name] = setting_value(record.kind(), name, value, reveal);
    json::array bad;
    for (const admin::bad_value& value : record.bad_values())
        bad.push_back(json::object{{"name", text_or_null(value.name)}, {"why", value.why}});
    return {{"settings", std::move(settings)}, {"bad_values", std::move(bad)}};
}

json::object firmware_members(const std::vector<std::pair<std::string, std::string>>& of_target) {
    json::object settings;
    for (const auto& [name, value] : of_target)
        settings[name] = setting_value(admin::record_kind::node, name, value, false);
    return {{"settings", std::move(settings)}, {"bad_values", json::array()}};
}

} // namespace iscsi::cli
