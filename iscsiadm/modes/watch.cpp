#include "iscsiadm/modes/watch.hpp"

#include "iscsiadm/modes/session_name.hpp"
#include "iscsiadm/print/watch_table.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace iscsi::cli {

namespace {

constexpr std::chrono::seconds interval{1};

using session_list = std::vector<admin::session_info>;

// By number, each with its LUNs by number. `sid`: that one alone.
sample sample_of(session_list sessions, std::optional<std::uint32_t> sid) {
    if (sid)
        std::erase_if(sessions, [sid](const auto& session) { return session.sid != *sid; });
    std::ranges::sort(sessions, {}, &admin::session_info::sid);
    for (admin::session_info& session : sessions)
        std::ranges::sort(session.luns, {}, &admin::attached_lun::lun);
    return {std::chrono::steady_clock::now(), std::move(sessions)};
}

std::string title_of(const sample& seen) {
    std::size_t luns = 0;
    for (const admin::session_info& session : seen.sessions)
        luns += session.luns.size();
    return fmt::format("{} sessions, {} LUNs, per second; Ctrl-C ends", seen.sessions.size(), luns);
}

std::vector<std::string> frame_of(const sample& now, const sample& before) {
    auto lines = watch_table(now, before);
    lines.insert(lines.begin(), title_of(now));
    return lines;
}

} // namespace

exit_code watch_sessions(const session_mode& mode, context& at) {
    auto sessions = at.daemon.list_sessions_with_io();
    if (!sessions)
        return report_call(sessions.error(), at.screen);
    std::optional<std::uint32_t> sid;
    if (mode.which)
        if (const auto session = find_session(*mode.which, *sessions))
            sid = session->sid;
    for (sample before;; sessions = at.daemon.list_sessions_with_io()) {
        exit_code code = exit_code::success;
        if (sessions) {
            sample now = sample_of(*std::move(sessions), sid);
            at.live.draw(frame_of(now, before));
            before = std::move(now);
        } else {
            code = exit_code_of(sessions.error());
            at.live.draw({"iscsid does not answer: " + sessions.error().text()});
        }
        if (!at.live.wait(interval))
            return code;
    }
}

} // namespace iscsi::cli
