#include "iscsid/ipc/describe.hpp"

namespace iscsid::ipc {

using iscsi::connection_state;
using iscsi::session_state;

std::string_view to_text(connection_state state) {
    switch (state) {
    case connection_state::free:
        return "FREE";
    case connection_state::transport_wait:
        return "TRANSPORT WAIT";
    case connection_state::in_login:
        return "IN LOGIN";
    case connection_state::logged_in:
        return "LOGGED IN";
    case connection_state::in_logout:
        return "IN LOGOUT";
    case connection_state::logout_requested:
        return "LOGOUT REQUESTED";
    case connection_state::cleanup_wait:
        return "CLEANUP WAIT";
    }
    return "Unknown";
}

std::string_view to_text(session_state state) {
    switch (state) {
    case session_state::free:
        return "FREE";
    case session_state::logged_in:
        return "LOGGED_IN";
    case session_state::failed:
        return "FAILED";
    }
    return "Unknown";
}

namespace {

std::string to_text(iscsi::digest digest) {
    return digest == iscsi::digest::crc32c ? "CRC32C" : "None";
}

// What a unit calls itself should be ASCII (SPC-4 §4.3.1), and need not be.
std::string printable(std::string text) {
    for (char& each : text)
        if (each < ' ' || each > '~')
            each = '?';
    return text;
}

int seconds(iscsi::duration time) {
    return static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(time).count());
}

void add_timeouts(iscsi::admin::session_info& info, const iscsi::session_timeouts& from) {
    info.recovery_timeout = seconds(from.replacement);
    info.target_reset_timeout = seconds(from.target_reset);
    info.lun_reset_timeout = seconds(from.lu_reset);
    info.abort_timeout = seconds(from.abort);
}

void add_parameters(iscsi::admin::session_info& info, const iscsi::operational_parameters& from) {
    info.header_digest = to_text(from.header_digest);
    info.data_digest = to_text(from.data_digest);
    info.max_recv_data_segment_length = from.max_recv_data_segment_length;
    info.max_xmit_data_segment_length = from.max_xmit_data_segment_length;
    info.first_burst_length = from.first_burst_length;
    info.max_burst_length = from.max_burst_length;
    info.immediate_data = from.immediate_data;
    info.initial_r2t = from.initial_r2t;
    info.max_outstanding_r2t = from.max_outstanding_r2t;
}

// Before the first connection there are no ends of it: then it is the portal of the record.
void add_addresses(iscsi::admin::session_info& info, const session::session_report& from) {
    const bool is_connected = !from.peer.address().is_unspecified();
    info.current_address = is_connected ? from.peer.address().to_string() : from.plan->node.address;
    info.current_port = is_connected ? from.peer.port() : from.plan->node.port;
    if (!from.local.address().is_unspecified())
        info.interface_address = from.local.address().to_string();
}

// In the order and by the names of open-iscsi.
void add_statistics(iscsi::admin::session_info& info, const iscsi::session_statistics& from) {
    info.statistics = {
        {"txdata_octets", from.txdata_octets}, {"rxdata_octets", from.rxdata_octets},
        {"noptx_pdus", from.noptx_pdus},       {"scsicmd_pdus", from.scsicmd_pdus},
        {"tmfcmd_pdus", from.tmfcmd_pdus},     {"login_pdus", from.login_pdus},
        {"text_pdus", from.text_pdus},         {"dataout_pdus", from.dataout_pdus},
        {"logout_pdus", from.logout_pdus},     {"snack_pdus", from.snack_pdus},
        {"noprx_pdus", from.noprx_pdus},       {"scsirsp_pdus", from.scsirsp_pdus},
        {"tmfrsp_pdus", from.tmfrsp_pdus},     {"textrsp_pdus", from.textrsp_pdus},
        {"datain_pdus", from.datain_pdus},     {"logoutrsp_pdus", from.logoutrsp_pdus},
        {"r2t_pdus", from.r2t_pdus},           {"async_pdus", from.async_pdus},
        {"rjt_pdus", from.rjt_pdus},           {"digest_err", from.digest_err},
        {"timeout_err", from.timeout_err},
    };
}

void add_events(iscsi::admin::session_info& info, const iscsi::session_statistics& from) {
    info.events = {
        {"logins", from.logins},
        {"abort_task", from.abort_tasks},
        {"logical_unit_reset", from.unit_resets},
        {"target_warm_reset", from.target_resets},
    };
}

std::vector<iscsi::admin::latency_bucket>
buckets_of(const std::array<std::uint64_t, lane::latency_buckets::count>& from) {
    std::vector<iscsi::admin::latency_bucket> filled;
    for (std::size_t i = 0; i < from.size(); ++i)
        if (from[i] != 0)
            filled.push_back({lane::latency_buckets::end_of(i), from[i]});
    return filled;
}

std::vector<iscsi::admin::io_figures> figures_of(const lane::io_meter& meter) {
    using kind = lane::io_meter::kind;
    constexpr std::array<std::pair<kind, const char*>, lane::io_meter::kinds> names{{
        {kind::read, "read"},
        {kind::write, "write"},
        {kind::flush, "flush"},
        {kind::discard, "discard"},
    }};
    std::vector<iscsi::admin::io_figures> all;
    for (const auto& [which, name] : names) {
        const auto seen = meter.read(which);
        all.push_back(
            {name,
             seen.in_flight,
             seen.requests,
             seen.failed,
             seen.bytes,
             buckets_of(seen.latencies),
             seen.time_us}
        );
    }
    return all;
}

} // namespace

std::string_view to_text(session::lun_state state) {
    switch (state) {
    case session::lun_state::running:
        return "running";
    case session::lun_state::offline:
        return "offline";
    case session::lun_state::waiting:
        return "waiting";
    case session::lun_state::lost:
        return "lost";
    case session::lun_state::no_disk:
        return "no disk";
    case session::lun_state::detached:
        return "detached";
    case session::lun_state::unusable:
        return "unusable";
    case session::lun_state::no_answer:
        break;
    }
    return "no answer";
}

iscsi::admin::lun_details message_of(const session::lun_details& unit) {
    const auto& from = unit.properties;
    iscsi::admin::lun_details to;
    to.lun = unit.number;
    to.kind = unit.kind;
    to.vendor = printable(from.vendor);
    to.product = printable(from.product);
    to.revision = printable(from.revision);
    to.wwid = printable(from.wwid);
    to.state = to_text(unit.is);
    to.why = printable(unit.why);
    to.disk = unit.node;
    if (from.block_count == 0)
        return to;
    to.size = from.size();
    to.block_size = from.block_size;
    to.thin = from.thin;
    to.write_cache = from.write_cache_enabled;
    to.write_cache_known = from.write_cache_known;
    to.read_only = from.read_only;
    return to;
}

namespace {

// The engine logs in again and again, and out when its disks are gone already.
connection_state connection_state_of(const session::session_report& session) {
    if (session.is_in_login)
        return connection_state::in_login;
    return session.is_in_logout ? connection_state::in_logout : session.seen.connection;
}

} // namespace

iscsi::admin::session_info message_of(const session::session_report& session, io_detail detail) {
    const auto& plan = *session.plan;
    const auto& seen = session.seen;
    iscsi::admin::session_info info;
    info.sid = session.sid;
    info.host_number = session.host_number;
    info.node = plan.node;
    const auto& told = seen.parameters.target_portal_group_tag;
    info.group_tag = told ? int{*told} : plan.node.group_tag;
    add_addresses(info, session);
    info.initiator_name = plan.session.initiator_name;
    info.username = plan.session.auth.outgoing.name;
    info.username_in = plan.session.auth.incoming.name;
    info.connection_state = to_text(connection_state_of(session));
    info.login_pending = session.is_in_login;
    info.logout_pending = session.is_in_logout;
    info.session_state = to_text(seen.state);
    add_statistics(info, seen.statistics);
    if (detail == io_detail::told)
        add_events(info, seen.statistics);
    info.internal_state = session.internal_state;
    add_timeouts(info, plan.session.timeouts);
    add_parameters(info, seen.parameters);
    for (const auto& each : session.luns) {
        // in the kernel's words for a SCSI device
        auto& lun = info.luns.emplace_back();
        lun.lun = each.number;
        lun.disk = each.node;
        lun.state = each.is_offline ? "offline" : "running";
        if (detail == io_detail::left_out || !each.io)
            continue;
        lun.io = figures_of(*each.io);
        lun.commands = each.io->commands();
    }
    return info;
}

} // namespace iscsid::ipc
