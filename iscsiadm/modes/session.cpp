#include "iscsiadm/modes/kept_logins.hpp"
#include "iscsiadm/modes/login.hpp"
#include "iscsiadm/modes/metrics.hpp"
#include "iscsiadm/modes/modes.hpp"
#include "iscsiadm/modes/records.hpp"
#include "iscsiadm/modes/reservation.hpp"
#include "iscsiadm/modes/session_change.hpp"
#include "iscsiadm/modes/session_name.hpp"
#include "iscsiadm/modes/session_record.hpp"
#include "iscsiadm/modes/watch.hpp"
#include "iscsiadm/print/progress.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace iscsi::cli {

namespace {

using session_list = std::vector<admin::session_info>;

// The order of the names in sysfs: session1, session10, session2.
void sort_by_name(session_list& sessions) {
    std::ranges::sort(sessions, {}, [](const auto& session) {
        return std::to_string(session.sid);
    });
}

// The line of such a session is that of any other: its readers split it into words.
void tell_pending(const session_list& sessions, context& at) {
    for (const admin::session_info& session : sessions) {
        if (session.login_pending)
            at.screen.advise(session_warning(session, "the login is still under way"));
        if (session.logout_pending)
            at.screen.advise(session_warning(session, "is being logged out"));
    }
}

exit_code print_sessions(const session_mode& mode, const session_list& sessions, context& at) {
    if (!mode.which)
        tell_kept_logins(at);
    constexpr int highest = 3;
    const int level = mode.print_level.value_or(0);
    if (level > highest)
        return report_bad_level(level, "0 - 3", at.screen);
    if (level == 0)
        tell_pending(sessions, at);
    at.out.show(shown_sessions{shown_at(level, sessions, mode.reveal, at), level});
    return exit_code::success;
}

exit_code print_statistics(const session_list& sessions, context& at) {
    at.out.show(statistics_list{sessions});
    return exit_code::success;
}

document_kind kind_of(const session_mode& mode) {
    if (mode.statistics)
        return document_kind::session_statistics;
    if (mode.rescan)
        return document_kind::rescans;
    if (mode.luns)
        return document_kind::session_luns;
    return mode.logout ? document_kind::logouts : document_kind::sessions;
}

// Three verbs, three sentences of open-iscsi; each of them is 21.
exit_code report_none(const session_mode& mode, context& at) {
    console& screen = at.screen;
    at.out.show(opened{kind_of(mode)});
    if (mode.rescan || mode.statistics)
        screen.complain("No session found.");
    else if (mode.logout)
        screen.complain("No matching sessions found");
    else {
        tell_kept_logins(at); // before that line: programs look for it at the end
        screen.complain("No active sessions.");
    }
    return exit_code::no_objects_found;
}

exit_code report_no_session_path(const std::string& which, console& screen) {
    screen.complain(fmt::format("{} is an invalid session ID or path", which));
    return exit_code::error;
}

// These two lines and 22 are what a script sees when the session has just ended.
exit_code report_unknown(const std::string& which, console& screen) {
    if (which.find('/') != std::string::npos)
        return report_no_session_path(which, screen);
    screen.complain("could not read session targetname: 5");
    screen.complain(fmt::format("Could not get session info for sid {}", which));
    return exit_code::sysfs_lookup;
}

// Without another wish, -r shows the node record of the session.
exit_code operate(const session_mode& mode, const admin::session_info& session, context& at) {
    const auto record = at.store.find(session.node);
    if (!record)
        return report_database(record.error(), at.screen);
    if (!*record)
        return report_no_records(at.screen);
    if (mode.ops.create)
        return log_in_once_more(**record, at);
    // Its record may have got a group tag since the login.
    const auto filter = filter_for(id_of(**record));
    if (mode.ops.update)
        return update_session(session, filter, mode.changes, at);
    if (mode.ops.remove)
        return remove_records(filter, at);
    at.out.show(shown_record{**record, mode.reveal});
    return exit_code::success;
}

// At most one of the three verbs can be given with sense; the first in this order wins, as there.
exit_code run_on(const session_mode& mode, session_list sessions, context& at) {
    const bool one = mode.which.has_value();
    if (mode.watch) {
        const auto only = one ? std::optional(sessions.front().sid) : std::nullopt;
        return watch_sessions(std::move(sessions), only, at);
    }
    if (mode.statistics)
        return print_statistics(sessions, at);
    if (mode.fail_io)
        return fail_io(sessions.front(), at);
    if (mode.one_lun)
        return order_lun(sessions.front(), mode.one_lun->lun, mode.one_lun->attach, at);
    if (mode.reservation)
        return reserve(*mode.reservation, sessions.front(), at);
    if (mode.luns)
        return describe_luns(sessions, at);
    if (mode.rescan)
        return rescan(sessions, at);
    if (mode.logout)
        return log_out(std::move(sessions), at);
    if (one && (!mode.ops.none() || mode.print_level.value_or(0) == 0))
        return operate(mode, sessions.front(), at);
    return print_sessions(mode, sessions, at);
}

// Who logs out of all sessions wants no others to come.
std::size_t end_kept_logins_of(const session_mode& mode, context& at) {
    if (!mode.logout || mode.which)
        return 0;
    at.out.show(opened{document_kind::logouts});
    return end_kept_logins([](const auto& /*each*/) { return true; }, at);
}

io_detail detail_for(const session_mode& mode) {
    return mode.statistics || mode.watch ? io_detail::told : io_detail::left_out;
}

} // namespace

// A wrong -r is refused without asking the daemon: it can never name a session.
exit_code run_session(const session_mode& mode, context& at) {
    if (!mode.which && mode.ops.create) {
        return report_invalid(
            "session mode: Operation 'new' only allowed with specific session IDs", at.screen
        );
    }
    if (mode.which && !names_session(*mode.which))
        return report_no_session_path(*mode.which, at.screen);
    if (mode.metrics)
        return print_metrics(at);
    const auto ended = end_kept_logins_of(mode, at);
    auto sessions = known_sessions(at, detail_for(mode));
    if (!sessions)
        return report_call(sessions.error(), at.screen);
    if (mode.which) {
        const auto session = find_session(*mode.which, *sessions);
        if (!session)
            return report_unknown(*mode.which, at.screen);
        return run_on(mode, {*session}, at);
    }
    if (sessions->empty())
        return ended > 0 ? exit_code::success : report_none(mode, at);
    if (mode.ops.update || mode.ops.remove) {
        return report_invalid("this operation needs a session (-r)", at.screen);
    }
    sort_by_name(*sessions);
    return run_on(mode, *std::move(sessions), at);
}

} // namespace iscsi::cli
