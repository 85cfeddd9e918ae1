#include "iscsiadm/modes/explained_daemon.hpp"

#include "iscsiadm/print/portals.hpp"
#include "iscsiadm/print/progress.hpp"

#include <fmt/chrono.h>
#include <fmt/core.h>
#include <fmt/ranges.h>

namespace iscsi::cli {

namespace {

constexpr int each_item = 2, each_pdu = 4;

std::chrono::seconds in_seconds(std::chrono::milliseconds time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time);
}

// What a reply about a session says, without the session.
template <class Progress>
std::string outcome_words(const Progress& progress) {
    if (progress.code == admin::exit_code::success)
        return "well";
    return fmt::format("{}: {}", to_text(progress.code), progress.detail);
}

// Says each answer about a session before it is listened to.
template <class Progress>
daemon_client::listener<Progress>
explained(console& screen, const daemon_client::listener<Progress>& listen) {
    return [&screen, &listen](const Progress& progress) {
        screen.explain(
            fmt::format("answer for session {}: {}", progress.sid, outcome_words(progress))
        );
        listen(progress);
    };
}

std::string pdu_words(const admin::session_info& session) {
    std::string words;
    for (const admin::session_counter& counter : session.statistics)
        if (counter.value != 0)
            words += fmt::format(" {}={}", counter.name, counter.value);
    return words;
}

} // namespace

result<admin::daemon_status> explained_daemon::status() {
    auto answer = daemon_.status();
    screen_.explain(
        "iscsid is asked what it is: " +
        (answer ? "version " + answer->version : answer.error().text())
    );
    return answer;
}

result<std::vector<admin::session_info>> explained_daemon::list_sessions() {
    return explained_list(daemon_.list_sessions());
}

result<std::vector<admin::session_info>> explained_daemon::list_sessions_with_io() {
    return explained_list(daemon_.list_sessions_with_io());
}

result<std::vector<admin::session_info>>
explained_daemon::explained_list(result<std::vector<admin::session_info>> sessions) {
    if (!sessions) {
        screen_.explain("iscsid is asked for its sessions: " + sessions.error().text());
        return sessions;
    }
    screen_.explain(fmt::format("iscsid is asked for its sessions: {}", sessions->size()));
    if (screen_.explains(each_item))
        for (const admin::session_info& session : *sessions)
            explain_session(session);
    return sessions;
}

void explained_daemon::explain_session(const admin::session_info& session) {
    screen_.explain(
        fmt::format(
            "[{}]: {}, connected to {} from {}",
            session_words(session),
            session.connection_state,
            tree_portal(session.current_address, session.current_port, session.group_tag),
            or_blank(session.interface_address)
        ),
        each_item
    );
    screen_.explain(
        fmt::format("[{}]: PDUs and octets:{}", session_words(session), pdu_words(session)),
        each_pdu
    );
}

result<void> explained_daemon::log_in(
    const admin::login_request_message& request,
    milliseconds patience,
    const listener<admin::login_progress>& listen
) {
    screen_.explain(fmt::format(
        "iscsid is asked to log in to {} nodes, for {} at most without an answer",
        request.nodes.size(),
        in_seconds(patience)
    ));
    for (const admin::node_id& node : request.nodes)
        screen_.explain(fmt::format("[{}]", record_words(node)), each_item);
    auto called = daemon_.log_in(request, patience, [&](const admin::login_progress& progress) {
        screen_.explain(fmt::format(
            "answer for node {}, session {}: {}",
            progress.index,
            progress.sid,
            outcome_words(progress)
        ));
        listen(progress);
    });
    return ended(std::move(called));
}

result<std::vector<admin::kept_login>> explained_daemon::list_kept_logins() {
    auto kept = daemon_.list_kept_logins();
    screen_.explain(
        "iscsid is asked what it tries to log in to: " +
        (kept ? std::to_string(kept->size()) : kept.error().text())
    );
    return kept;
}

result<std::vector<admin::kept_login>>
explained_daemon::end_kept_logins(const std::vector<admin::node_id>& nodes) {
    auto kept = daemon_.end_kept_logins(nodes);
    screen_.explain(fmt::format(
        "iscsid is asked to try {} nodes no more: {}",
        nodes.size(),
        kept ? std::to_string(kept->size()) : kept.error().text()
    ));
    return kept;
}

result<void> explained_daemon::log_out(
    const admin::logout_request_message& request, const listener<admin::logout_progress>& listen
) {
    screen_.explain(
        fmt::format("iscsid is asked to log out of sessions {}", fmt::join(request.sids, ", "))
    );
    return ended(daemon_.log_out(request, explained(screen_, listen)));
}

result<void> explained_daemon::rescan(
    const admin::rescan_request_message& request, const listener<admin::rescan_progress>& listen
) {
    screen_.explain(
        fmt::format("iscsid is asked to rescan sessions {}", fmt::join(request.sids, ", "))
    );
    return ended(daemon_.rescan(request, explained(screen_, listen)));
}

result<void> explained_daemon::fail_io(
    const admin::fail_io_request_message& request, const listener<admin::fail_io_progress>& listen
) {
    screen_.explain(fmt::format(
        "iscsid is asked to end the waiting I/O of sessions {}", fmt::join(request.sids, ", ")
    ));
    return ended(daemon_.fail_io(request, explained(screen_, listen)));
}

result<admin::change_session_answer_message>
explained_daemon::change_session(const admin::change_session_request_message& request) {
    screen_.explain(fmt::format(
        "iscsid is asked to change {} of session {}", fmt::join(request.keys, ", "), request.sid
    ));
    auto answer = daemon_.change_session(request);
    screen_.explain(answer ? "answer: " + outcome_words(*answer) : answer.error().text());
    return answer;
}

void explained_daemon::explain_lun(std::string_view what, const admin::lun_request_message& request)
    const {
    screen_.explain(fmt::format(
        "iscsid is asked to {} LUN {} of sessions {}",
        what,
        request.lun,
        fmt::join(request.sids, ", ")
    ));
}

result<void> explained_daemon::attach_lun(
    const admin::lun_request_message& request, const listener<admin::lun_progress>& listen
) {
    explain_lun("attach", request);
    return ended(daemon_.attach_lun(request, explained(screen_, listen)));
}

result<void> explained_daemon::detach_lun(
    const admin::lun_request_message& request, const listener<admin::lun_progress>& listen
) {
    explain_lun("detach", request);
    return ended(daemon_.detach_lun(request, explained(screen_, listen)));
}

result<admin::reserve_answer_message>
explained_daemon::persistent_reserve(const admin::reserve_request_message& request) {
    screen_.explain(fmt::format(
        "iscsid is asked for {} of LUN {} of session {}", request.verb, request.lun, request.sid
    ));
    auto answer = daemon_.persistent_reserve(request);
    screen_.explain(answer ? "answer: " + outcome_words(*answer) : answer.error().text());
    return answer;
}

result<void> explained_daemon::describe_luns(
    const admin::describe_luns_request_message& request,
    const listener<admin::luns_progress>& listen
) {
    screen_.explain(
        fmt::format("iscsid is asked for the LUNs of sessions {}", fmt::join(request.sids, ", "))
    );
    return ended(daemon_.describe_luns(request, explained(screen_, listen)));
}

result<void> explained_daemon::discover(
    const admin::discover_request_message& request,
    milliseconds patience,
    const listener<admin::discover_progress>& listen
) {
    screen_.explain(fmt::format(
        "iscsid is asked for the targets of {}{}:{}, by {}, interface {}, for {} at most",
        request.type == "isns" ? "the iSNS server " : "",
        bracketed(request.address),
        request.port,
        request.use_record ? "its record" : "iscsid.conf",
        or_blank(request.interface),
        in_seconds(patience)
    ));
    auto called =
        daemon_.discover(request, patience, [&](const admin::discover_progress& progress) {
            if (progress.finished)
                screen_.explain(fmt::format("answer: {} portals", progress.portals.size()));
            listen(progress);
        });
    return ended(std::move(called));
}

result<void> explained_daemon::stop() {
    screen_.explain("iscsid is asked to end");
    return ended(daemon_.stop());
}

// The sessions as they are now show what the call has moved.
result<void> explained_daemon::ended(result<void> called) {
    screen_.explain(called ? "iscsid has done it" : "iscsid: " + called.error().text());
    if (called && screen_.explains(each_pdu))
        (void)list_sessions();
    return called;
}

} // namespace iscsi::cli
