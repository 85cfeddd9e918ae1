#include "libiscsi/metrics/session_metrics.hpp"

#include "libiscsi/admin/portal_text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <optional>

namespace iscsi::metrics {

namespace {

using admin::attached_lun;
using admin::io_figures;
using admin::session_counter;
using admin::session_info;

constexpr double microseconds_in_a_second = 1e6;

// ---- labels ------------------------------------------------------------------------------------

labels labels_of(const admin::node_id& node) {
    return {
        {"target", node.target},
        {"portal", admin::portal_text(node.address, node.port)},
        {"iface", node.interface}};
}

labels labels_of(const session_info& session) {
    return labels_of(session.node).with("sid", std::to_string(session.sid));
}

labels labels_of(const session_info& session, const attached_lun& lun) {
    return labels_of(session).with("lun", std::to_string(lun.lun)).with("disk", lun.disk);
}

// ---- the daemon --------------------------------------------------------------------------------

void tell_daemon(const observation& seen, exposition& to) {
    to.begin({"iscsi_build", family_type::info, "", "Version of iscsid and what it works with."});
    to.sample(
        {{"version", seen.daemon.version},
         {"disk_driver", seen.daemon.disk_driver},
         {"ring", seen.daemon.ring}},
        1
    );
    to.begin({"iscsi_sessions", family_type::gauge, "", "Sessions that there are, in any state."});
    to.sample({}, seen.sessions.size());
}

void tell_kept_logins(const observation& seen, exposition& to) {
    to.begin(
        {"iscsi_kept_logins", family_type::gauge, "", "Logins that are tried until they succeed."}
    );
    to.sample({}, seen.kept_logins.size());
    to.begin(
        {"iscsi_kept_login_age_seconds",
         family_type::gauge,
         "seconds",
         "Time since this login was asked for, which has not succeeded yet."}
    );
    for (const auto& each : seen.kept_logins)
        to.sample(labels_of(each.node), each.age);
    to.begin(
        {"iscsi_kept_login_failures",
         family_type::counter,
         "",
         "Tries of this login that have failed."}
    );
    for (const auto& each : seen.kept_logins)
        to.sample(labels_of(each.node), each.tries);
}

// ---- sessions ----------------------------------------------------------------------------------

constexpr std::array states{"logged_in", "login", "failed", "free"};

std::string_view state_of(const session_info& session) {
    if (session.login_pending)
        return "login";
    if (session.session_state == "LOGGED_IN")
        return "logged_in";
    return session.session_state == "FAILED" ? "failed" : "free";
}

void tell_states(const std::vector<session_info>& sessions, exposition& to) {
    to.begin(
        {"iscsi_session_up",
         family_type::gauge,
         "",
         "1 while the session is logged in, 0 while I/O waits for its connection or fails."}
    );
    for (const auto& session : sessions)
        to.sample(labels_of(session), state_of(session) == "logged_in" ? 1 : 0);
    to.begin(
        {"iscsi_session_state",
         family_type::stateset,
         "",
         "State of the session; login is the first login."}
    );
    for (const auto& session : sessions)
        for (const auto* const state : states)
            to.sample(
                labels_of(session).with("iscsi_session_state", state),
                state_of(session) == state ? 1 : 0
            );
}

std::uint64_t value_of(const std::vector<session_counter>& among, std::string_view name) {
    const auto found = std::ranges::find(among, name, &session_counter::name);
    return found == among.end() ? 0 : found->value;
}

// One of open-iscsi's counters as a family of its own.
struct counter_row {
    family of;
    std::string_view name;
};

constexpr std::array counters{
    counter_row{
        {"iscsi_session_transmit_bytes",
         family_type::counter,
         "bytes",
         "Bytes of PDUs sent to the target."},
        "txdata_octets"},
    counter_row{
        {"iscsi_session_receive_bytes",
         family_type::counter,
         "bytes",
         "Bytes of PDUs received from the target."},
        "rxdata_octets"},
    counter_row{
        {"iscsi_session_digest_errors",
         family_type::counter,
         "",
         "Header and data digests that were wrong."},
        "digest_err"},
    counter_row{
        {"iscsi_session_timeouts", family_type::counter, "", "Answers that did not come in time."},
        "timeout_err"},
};

// The PDUs that open-iscsi counts, in the words of RFC 7143.
struct pdu_row {
    std::string_view name;
    std::string_view direction;
    std::string_view type;
};

constexpr std::array pdus{
    pdu_row{"noptx_pdus", "transmit", "nop_out"},
    pdu_row{"scsicmd_pdus", "transmit", "scsi_command"},
    pdu_row{"tmfcmd_pdus", "transmit", "task_management_request"},
    pdu_row{"login_pdus", "transmit", "login_request"},
    pdu_row{"text_pdus", "transmit", "text_request"},
    pdu_row{"dataout_pdus", "transmit", "data_out"},
    pdu_row{"logout_pdus", "transmit", "logout_request"},
    pdu_row{"snack_pdus", "transmit", "snack_request"},
    pdu_row{"noprx_pdus", "receive", "nop_in"},
    pdu_row{"scsirsp_pdus", "receive", "scsi_response"},
    pdu_row{"tmfrsp_pdus", "receive", "task_management_response"},
    pdu_row{"textrsp_pdus", "receive", "text_response"},
    pdu_row{"datain_pdus", "receive", "data_in"},
    pdu_row{"logoutrsp_pdus", "receive", "logout_response"},
    pdu_row{"r2t_pdus", "receive", "r2t"},
    pdu_row{"async_pdus", "receive", "async_message"},
    pdu_row{"rjt_pdus", "receive", "reject"},
};

void tell_counters(const std::vector<session_info>& sessions, exposition& to) {
    for (const auto& row : counters) {
        to.begin(row.of);
        for (const auto& session : sessions)
            to.sample(labels_of(session), value_of(session.statistics, row.name));
    }
    to.begin({"iscsi_session_pdus", family_type::counter, "", "PDUs sent and received, by type."});
    for (const auto& session : sessions)
        for (const auto& row : pdus)
            to.sample(
                labels_of(session).with("direction", row.direction).with("type", row.type),
                value_of(session.statistics, row.name)
            );
}

void tell_events(const std::vector<session_info>& sessions, exposition& to) {
    to.begin(
        {"iscsi_session_reconnects",
         family_type::counter,
         "",
         "Logins that brought a lost session back."}
    );
    for (const auto& session : sessions)
        to.sample(
            labels_of(session), std::max<std::uint64_t>(value_of(session.events, "logins"), 1) - 1
        );
    to.begin(
        {"iscsi_session_task_management",
         family_type::counter,
         "",
         "Task management functions that were asked for: aborts and resets."}
    );
    for (const auto& session : sessions)
        for (const auto* const function : {"abort_task", "logical_unit_reset", "target_warm_reset"})
            to.sample(
                labels_of(session).with("function", function), value_of(session.events, function)
            );
}

// ---- logical units -----------------------------------------------------------------------------

using sessions_seen = std::vector<session_info>;

template <class Teller>
void for_each_lun(const sessions_seen& sessions, Teller tell) {
    for (const auto& session : sessions)
        for (const auto& lun : session.luns)
            tell(labels_of(session, lun), lun);
}

// Flushes and discards are rare: without one there is no sample of them.
bool is_told(const io_figures& figures) {
    return figures.kind == "read" || figures.kind == "write" || figures.requests > 0 ||
           figures.in_flight > 0;
}

template <class Teller>
void for_each_kind(const sessions_seen& sessions, Teller tell) {
    for_each_lun(sessions, [&tell](const labels& of, const attached_lun& lun) {
        for (const auto& figures : lun.io)
            if (is_told(figures))
                tell(of.with("operation", figures.kind), figures);
    });
}

void tell_figure(
    const family& what,
    const sessions_seen& sessions,
    std::uint64_t io_figures::*figure,
    exposition& to
) {
    to.begin(what);
    for_each_kind(sessions, [&](const labels& of, const io_figures& figures) {
        to.sample(of, figures.*figure);
    });
}

// From 16 us to 33 s.
constexpr std::size_t first_power = 4;
constexpr std::size_t last_power = 25;
constexpr std::size_t bound_count = last_power - first_power + 1;

std::vector<double> bounds_in_seconds() {
    std::vector<double> bounds;
    for (auto power = first_power; power <= last_power; ++power)
        bounds.push_back(static_cast<double>(std::uint64_t{1} << power) / microseconds_in_a_second);
    return bounds;
}

// The meters' buckets end where ours do, and between.
std::vector<std::uint64_t> counts_of(const io_figures& figures) {
    std::vector<std::uint64_t> counts(bound_count + 1);
    for (const auto& bucket : figures.latencies) {
        std::size_t place = 0;
        while (place < bound_count && bucket.below_us > std::uint64_t{1} << (first_power + place))
            ++place;
        counts[place] += bucket.count;
    }
    return counts;
}

void tell_durations(const sessions_seen& sessions, exposition& to) {
    to.begin(
        {"iscsi_lun_request_duration_seconds",
         family_type::histogram,
         "seconds",
         "Time of requests from their submission to their end, waits and retries included."}
    );
    const auto bounds = bounds_in_seconds();
    for_each_kind(sessions, [&](const labels& of, const io_figures& figures) {
        const auto sum = static_cast<double>(figures.time_us.value_or(0));
        to.histogram(of, bounds, counts_of(figures), sum / microseconds_in_a_second);
    });
}

void tell_requests(const sessions_seen& sessions, exposition& to) {
    using type = family_type;
    tell_figure(
        {"iscsi_lun_requests", type::counter, "", "Requests of disks that have ended."},
        sessions,
        &io_figures::requests,
        to
    );
    tell_figure(
        {"iscsi_lun_request_errors", type::counter, "", "Requests that ended with an error."},
        sessions,
        &io_figures::failed,
        to
    );
    tell_figure(
        {"iscsi_lun_bytes", type::counter, "bytes", "Bytes of requests that went well."},
        sessions,
        &io_figures::bytes,
        to
    );
    tell_durations(sessions, to);
    tell_figure(
        {"iscsi_lun_requests_in_flight", type::gauge, "", "Requests that have not ended yet."},
        sessions,
        &io_figures::in_flight,
        to
    );
}

std::uint64_t in_flight(const attached_lun& lun) {
    std::uint64_t all = 0;
    for (const auto& figures : lun.io)
        all += figures.in_flight;
    return all;
}

// A request has one command at a time; the two are not counted in one moment.
void tell_depths(const sessions_seen& sessions, exposition& to) {
    to.begin(
        {"iscsi_lun_commands_sent",
         family_type::gauge,
         "",
         "Commands that the session has: sent, or kept for a connection."}
    );
    for_each_lun(sessions, [&to](const labels& of, const attached_lun& lun) {
        if (lun.commands)
            to.sample(of, *lun.commands);
    });
    to.begin(
        {"iscsi_lun_requests_waiting",
         family_type::gauge,
         "",
         "Requests that wait for room in the queue of the unit or of the session, or for a retry."}
    );
    for_each_lun(sessions, [&to](const labels& of, const attached_lun& lun) {
        if (lun.commands)
            to.sample(of, in_flight(lun) - std::min(in_flight(lun), *lun.commands));
    });
}

void tell_luns(const sessions_seen& sessions, exposition& to) {
    to.begin(
        {"iscsi_lun_up",
         family_type::gauge,
         "",
         "1 while the disk takes I/O, 0 while all of it fails."}
    );
    for_each_lun(sessions, [&to](const labels& of, const attached_lun& lun) {
        to.sample(of, lun.state == "running" ? 1 : 0);
    });
    tell_requests(sessions, to);
    tell_depths(sessions, to);
}

} // namespace

std::string metrics_text(const observation& seen, form how) {
    exposition to(how);
    tell_daemon(seen, to);
    tell_kept_logins(seen, to);
    tell_states(seen.sessions, to);
    tell_counters(seen.sessions, to);
    tell_events(seen.sessions, to);
    tell_luns(seen.sessions, to);
    return to.finish();
}

std::string_view content_type_of(form how) {
    return how == form::openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                    : "text/plain; version=0.0.4; charset=utf-8";
}

} // namespace iscsi::metrics
