#include "iscsid/session/login_plan.hpp"

#include "iscsid/session/isid.hpp"

#include "libiscsi/names/iscsi_name.hpp"

#include <algorithm>
#include <limits>

namespace iscsid::session {

using iscsi::admin::initiator_identity;
using iscsi::admin::integer_key;
using iscsi::admin::record;
using iscsi::admin::setting_key;

const char* category_name(plan_errc /*unused*/) {
    return "login plan";
}

std::string_view message_of(plan_errc what) {
    switch (what) {
    case plan_errc::no_initiator_name:
        return "Initiatorname required";
    case plan_errc::transport_not_supported:
        return "transport not supported";
    case plan_errc::bad_target_name:
        return "not a name of a target";
    }
    return "unknown";
}

namespace {

// The settings table has checked the ranges; this keeps a wrong row from wrapping around.
template <class Integer>
Integer number(const record& from, integer_key key) {
    return static_cast<Integer>(std::clamp<std::int64_t>(
        from.get_integer(key),
        static_cast<std::int64_t>(std::numeric_limits<Integer>::min()),
        static_cast<std::int64_t>(std::numeric_limits<Integer>::max())
    ));
}

iscsi::duration seconds(const record& from, integer_key key) {
    return std::chrono::seconds(number<std::int32_t>(from, key));
}

iscsi::duration seconds_or(const record& from, integer_key key, iscsi::duration if_zero) {
    const auto value = seconds(from, key);
    return value == iscsi::duration::zero() ? if_zero : value;
}

std::vector<std::string> split(const std::string& list) {
    std::vector<std::string> words;
    std::size_t at = 0;
    while (at <= list.size()) {
        const std::size_t comma = std::min(list.find(',', at), list.size());
        if (comma > at)
            words.push_back(list.substr(at, comma - at));
        at = comma + 1;
    }
    return words;
}

iscsi::digest_list digests(const record& from, setting_key key) {
    iscsi::digest_list list;
    for (const auto& word : split(from.get(key)))
        list.push_back(word == "CRC32C" ? iscsi::digest::crc32c : iscsi::digest::none);
    if (list.empty())
        list.push_back(iscsi::digest::none);
    return list;
}

iscsi::operational_offer offer_of(const record& node) {
    iscsi::operational_offer offer;
    offer.header_digest = digests(node, "node.conn[0].iscsi.HeaderDigest");
    offer.data_digest = digests(node, "node.conn[0].iscsi.DataDigest");
    offer.default_time2wait = number<std::uint16_t>(node, "node.session.iscsi.DefaultTime2Wait");
    offer.default_time2retain =
        number<std::uint16_t>(node, "node.session.iscsi.DefaultTime2Retain");
    offer.initial_r2t = node.get_boolean("node.session.iscsi.InitialR2T");
    offer.immediate_data = node.get_boolean("node.session.iscsi.ImmediateData");
    offer.max_burst_length = number<std::uint32_t>(node, "node.session.iscsi.MaxBurstLength");
    // RFC 7143 §13.14: never above MaxBurstLength; a multiple of 4 keeps the data aligned.
    offer.first_burst_length =
        std::min(
            number<std::uint32_t>(node, "node.session.iscsi.FirstBurstLength"),
            offer.max_burst_length
        ) &
        ~3U;
    offer.max_outstanding_r2t = number<std::uint16_t>(node, "node.session.iscsi.MaxOutstandingR2T");
    offer.max_recv_data_segment_length =
        number<std::uint32_t>(node, "node.conn[0].iscsi.MaxRecvDataSegmentLength");
    offer.max_xmit_data_segment_length =
        number<std::uint32_t>(node, "node.conn[0].iscsi.MaxXmitDataSegmentLength");
    return offer;
}

iscsi::session_timeouts timeouts_of(const record& node) {
    const iscsi::session_timeouts usual;
    iscsi::session_timeouts to;
    to.login = seconds_or(node, "node.conn[0].timeo.login_timeout", usual.login);
    to.logout = seconds_or(node, "node.conn[0].timeo.logout_timeout", usual.logout);
    to.noop_out_interval = seconds(node, "node.conn[0].timeo.noop_out_interval");
    to.noop_out_timeout = seconds(node, "node.conn[0].timeo.noop_out_timeout");
    // Only both 0 switch NOP-Out off; a single 0 means the usual value, as in open-iscsi.
    const auto zero = iscsi::duration::zero();
    if ((to.noop_out_interval == zero) != (to.noop_out_timeout == zero)) {
        if (to.noop_out_interval == zero)
            to.noop_out_interval = usual.noop_out_interval;
        else
            to.noop_out_timeout = usual.noop_out_timeout;
    }
    to.abort = seconds(node, "node.session.err_timeo.abort_timeout");
    to.lu_reset = seconds(node, "node.session.err_timeo.lu_reset_timeout");
    to.target_reset = seconds(node, "node.session.err_timeo.tgt_reset_timeout");
    to.replacement = seconds(node, "node.session.timeo.replacement_timeout");
    return to;
}

// Where a record of either kind has its CHAP names and secrets.
struct auth_keys {
    setting_key username, password, username_in, password_in;
};

constexpr auth_keys node_auth{
    "node.session.auth.username",
    "node.session.auth.password",
    "node.session.auth.username_in",
    "node.session.auth.password_in"};

constexpr auth_keys discovery_auth{
    "discovery.sendtargets.auth.username",
    "discovery.sendtargets.auth.password",
    "discovery.sendtargets.auth.username_in",
    "discovery.sendtargets.auth.password_in"};

// As in open-iscsi a password switches CHAP on, whatever authmethod says.
iscsi::auth_config auth_of(const record& from, const auth_keys& keys) {
    iscsi::auth_config auth;
    if (const auto& secret = from.get(keys.password); !secret.empty())
        auth.outgoing = {from.get(keys.username), secret};
    // A name alone asks for the target's proof too: the login then refuses to go on without a
    // secret.
    auth.incoming = {from.get(keys.username_in), from.get(keys.password_in)};
    if (auto algorithms = split(from.get("node.session.auth.chap_algs")); !algorithms.empty())
        auth.chap_algorithms = std::move(algorithms);
    return auth;
}

iscsi::result<void> check_plan(const record& node, const iscsi::session_config& session) {
    const auto& transport = node.get("iface.transport_name");
    if (!transport.empty() && transport != "tcp")
        return iscsi::fault{
            iscsi::to_error_code(plan_errc::transport_not_supported),
            "iface.transport_name",
            transport,
            "tcp"};
    if (session.initiator_name.empty())
        return iscsi::fault{
            iscsi::to_error_code(plan_errc::no_initiator_name), "initiatorname.iscsi", {}, {}};
    if (session.target_name.empty())
        return iscsi::fault{
            iscsi::to_error_code(plan_errc::bad_target_name), "node.name", {}, "a name"};
    return {};
}

// `interface`: a record with its settings.
std::string own_name_of(const record& interface, const initiator_identity& identity) {
    const auto& own = interface.get("iface.initiatorname");
    return own.empty() ? identity.name : own;
}

} // namespace

iscsi::barrier_policy replay_barrier_of(std::string_view word) {
    if (word == "lu_reset")
        return iscsi::barrier_policy::lu_reset;
    return word == "none" ? iscsi::barrier_policy::none : iscsi::barrier_policy::automatic;
}

iscsi::result<login_plan>
plan_login(const record& node, const initiator_identity& identity, unsigned index) {
    login_plan plan;
    plan.node = iscsi::admin::id_of(node);
    auto& session = plan.session;
    session.initiator_name = own_name_of(node, identity);
    session.initiator_alias = identity.alias;
    session.target_name = plan.node.target;
    if (const auto checked = check_plan(node, session); checked.has_error())
        return checked.error();
    session.isid = make_isid(session.initiator_name, plan.node, index, identity.isid_seed);
    session.offer = offer_of(node);
    session.auth = auth_of(node, node_auth);
    session.timeouts = timeouts_of(node);
    session.initial_command_sn = number<std::uint32_t>(node, "node.session.initial_cmdsn");
    session.commands_max =
        std::clamp<std::uint16_t>(number<std::uint16_t>(node, "node.session.cmds_max"), 1, 4096);
    session.unit_commands_max =
        std::clamp<std::uint16_t>(number<std::uint16_t>(node, "node.session.queue_depth"), 1, 1024);
    session.fast_abort = node.get_boolean("node.session.iscsi.FastAbort");
    plan.window_size = number<std::uint32_t>(node, "node.conn[0].tcp.window_size");
    plan.net_device = node.get("iface.net_ifacename");
    plan.hardware_address = node.get("iface.hwaddress");
    plan.initial_login_retry_max = number<int>(node, "node.session.initial_login_retry_max");
    plan.reopen_max = number<int>(node, "node.session.reopen_max");
    plan.scan = node.get("node.session.scan") != "manual";
    plan.sessions = number<unsigned>(node, "node.session.nr_sessions");
    return plan;
}

void set_isid(discovery_plan& plan, const char* kind, unsigned number, std::string_view isid_seed) {
    auto& session = plan.session;
    session.isid =
        make_isid(session.initiator_name, {"", plan.host, plan.port, -1, kind}, number, isid_seed);
}

iscsi::result<discovery_plan>
plan_discovery(const record& from, const record& interface, const initiator_identity& identity) {
    const std::string name = own_name_of(interface, identity);
    if (name.empty())
        return iscsi::fault{
            iscsi::to_error_code(plan_errc::no_initiator_name), "initiatorname.iscsi", {}, {}};
    discovery_plan plan;
    plan.net_device = interface.get("iface.net_ifacename");
    plan.hardware_address = interface.get("iface.hwaddress");
    plan.host = from.get("discovery.sendtargets.address");
    plan.port = number<std::uint16_t>(from, "discovery.sendtargets.port");
    auto& session = plan.session;
    session.initiator_name = name;
    if (from.kind() == iscsi::admin::record_kind::isns) {
        plan.kind = iscsi::admin::source_kind::isns;
        plan.answer_timeout = std::chrono::seconds(15);
        return plan;
    }
    plan.reopen_max = number<int>(from, "discovery.sendtargets.reopen_max");
    plan.answer_timeout =
        seconds_or(from, "discovery.sendtargets.timeo.active_timeout", std::chrono::seconds(30));
    session.type = iscsi::session_type::discovery;
    session.initiator_alias = identity.alias;
    set_isid(plan, "discovery", 0, identity.isid_seed);
    session.auth = auth_of(from, discovery_auth);
    session.commands_max = 1;
    session.timeouts.login =
        seconds_or(from, "discovery.sendtargets.timeo.login_timeout", session.timeouts.login);
    session.offer.max_recv_data_segment_length =
        number<std::uint32_t>(from, "discovery.sendtargets.iscsi.MaxRecvDataSegmentLength");
    return plan;
}

} // namespace iscsid::session
