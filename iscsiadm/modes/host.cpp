#include "iscsiadm/modes/modes.hpp"
#include "iscsiadm/print/sessions.hpp"

#include <algorithm>

namespace iscsi::cli {

// A host is a session here: there is no adapter that could have more than one.
// The number of a host is that of its session; a hardware address (-H) matches none, for there are
// no adapters.
exit_code run_host(const host_mode& mode, context& at) {
    if (mode.submode)
        return report_not_supported("this submode of a host without an adapter", at.screen);
    const int level = mode.print_level.value_or(0);
    if (level > 1)
        return report_bad_level(level, "0 or 1", at.screen);
    auto sessions = known_sessions(at);
    if (!sessions)
        return report_call(sessions.error(), at.screen);
    if (mode.which)
        std::erase_if(*sessions, [&](const admin::session_info& session) {
            return std::to_string(session.host_number) != *mode.which;
        });
    if (sessions->empty()) {
        at.screen.complain("No iSCSI hosts.");
        return exit_code::no_objects_found;
    }
    std::ranges::sort(*sessions, {}, &admin::session_info::host_number);
    at.screen.print(level == 0 ? flat_hosts(*sessions) : host_blocks(*sessions));
    return exit_code::success;
}

} // namespace iscsi::cli
