#include "iscsiadm/modes/watch.hpp"

#include "iscsiadm/print/watch_table.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace iscsi::cli {

namespace {

constexpr std::chrono::seconds interval{1};

using session_list = std::vector<admin::session_info>;

// By number, each with its LUNs by number.
sample sample_of(session_list sessions, std::optional<std::uint32_t> only) {
    if (only)
        std::erase_if(sessions, [only](const auto& session) { return session.sid != *only; });
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

exit_code watch_sessions(session_list first, std::optional<std::uint32_t> only, context& at) {
    result<session_list> sessions = std::move(first);
    for (sample before;; sessions = at.daemon.list_sessions_with_io()) {
        exit_code code = exit_code::success;
        if (sessions) {
            sample now = sample_of(*std::move(sessions), only);
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
