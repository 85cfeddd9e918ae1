#include "iscsiadm/cli/nearest.hpp"
#include "iscsiadm/modes/modes.hpp"
#include "iscsiadm/modes/session_record.hpp"
#include "iscsiadm/print/sessions.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace iscsi::cli {

namespace {

// All of them are tables in the memory of an adapter.
exit_code refuse_submode(std::string_view submode, console& screen) {
    static constexpr std::array<std::string_view, 3> known = {"chap", "flashnode", "stats"};
    if (std::ranges::find(known, submode) != known.end())
        return report_not_supported(
            fmt::format("-C {}, which reads the memory of an adapter,", submode), screen
        );
    screen.complain(fmt::format("'{}' is no submode of host mode: chap, flashnode, stats", submode)
    );
    if (const auto nearest = did_you_mean("-C", submode, known))
        screen.complain(*nearest);
    return exit_code::invalid;
}

} // namespace

// A host is a session here: there is no adapter that could have more than one.
// The number of a host is that of its session; a hardware address (-H) matches none, for there are
// no adapters.
exit_code run_host(const host_mode& mode, context& at) {
    if (mode.submode)
        return refuse_submode(*mode.submode, at.screen);
    if (mode.which && mode.which->find(':') != std::string::npos) {
        return report_invalid("Could not match MAC to host.", at.screen);
    }
    const int level = mode.print_level.value_or(0);
    if (level > 4)
        return report_bad_level(level, "0 - 4", at.screen);
    auto sessions = known_sessions(at);
    if (!sessions)
        return report_call(sessions.error(), at.screen);
    if (mode.which)
        std::erase_if(*sessions, [&](const admin::session_info& session) {
            return std::to_string(session.host_number) != *mode.which;
        });
    if (sessions->empty()) {
        at.out.show(host_list{{}, level});
        at.screen.complain("No iSCSI hosts.");
        return exit_code::no_objects_found;
    }
    std::ranges::sort(*sessions, {}, &admin::session_info::host_number);
    at.out.show(host_list{shown_at(level, *sessions, false, at), level});
    return exit_code::success;
}

} // namespace iscsi::cli
