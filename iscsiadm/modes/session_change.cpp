#include "iscsiadm/modes/session_change.hpp"

#include "iscsiadm/modes/records.hpp"
#include "iscsiadm/print/progress.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace iscsi::cli {

namespace {

void tell_unchanged(const admin::session_info& session, std::string_view why, console& screen) {
    screen.complain(
        fmt::format("The record is changed, but session {} goes on as it was: {}", session.sid, why)
    );
}

void advise_on(std::string_view since, const std::vector<std::string>& keys, console& screen) {
    if (!keys.empty())
        screen.advise(fmt::format("{}: {}", since, fmt::join(keys, ", ")));
}

} // namespace

exit_code update_session(
    const admin::session_info& session,
    const admin::node_filter& record_of_it,
    const assignments& changes,
    context& at
) {
    const auto stored = update_records(record_of_it, changes, at);
    if (stored != exit_code::success || at.dry_run)
        return stored;
    admin::change_session_request_message request{session.sid, {}};
    for (const auto& [key, value] : changes)
        request.keys.push_back(key);
    const auto how = at.daemon.change_session(request);
    if (!how) {
        tell_unchanged(session, how.error().text(), at.screen);
        return report_call(how.error(), at.screen);
    }
    at.out.show(session_change{session, *how});
    if (how->code != exit_code::success) {
        tell_unchanged(session, how->detail, at.screen);
        return how->code;
    }
    advise_on("from the next login of this session on", how->at_login, at.screen);
    advise_on("not in this session, but in the next one", how->later, at.screen);
    return exit_code::success;
}

} // namespace iscsi::cli
