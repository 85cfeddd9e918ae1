#include "iscsiadm/modes/context.hpp"

#include "iscsiadm/modes/missing_daemon.hpp"

#include "libiscsi/admin/setting.hpp"
#include "libiscsi/names/iscsi_name.hpp"

#include <fmt/core.h>

#include <filesystem>

namespace iscsi::cli {

namespace {

// Error numbers of different enums are compared by their category, not by their value.
template <class Enum>
bool is_from(const fault& of) {
    return of.code.category() == enum_category<Enum>::instance();
}

bool is_not_running(const fault& of_call) {
    return exit_code_of(of_call) == exit_code::daemon_not_connected;
}

// iscsid writes down each disk that outlives it (iscsid/device/registry).
bool has_left_disks(const admin::locations& where) {
    std::error_code unused;
    const std::filesystem::directory_iterator states(where.runtime / "state", unused);
    return states != std::filesystem::directory_iterator();
}

} // namespace

exit_code report_call(const fault& of_call, console& screen) {
    const exit_code code = exit_code_of(of_call);
    if (code == exit_code::daemon_not_connected)
        screen.complain("iscsid is not running. Could not start it up automatically using the "
                        "startup command in the iscsid.conf iscsid.startup setting. Please check "
                        "that the file exists or that your init scripts have started iscsid.");
    if (code == exit_code::daemon_not_connected || code == exit_code::access)
        screen.complain(fmt::format("can not connect to iSCSI daemon ({})!", of_call.got));
    else if (code == exit_code::request_timed_out && !of_call.got.empty())
        screen.complain(of_call.got); // what the daemon is doing instead
    else
        screen.complain(of_call.text());
    if (code == exit_code::daemon_not_connected)
        for (const std::string& line : look_for_daemon(of_call.field, of_call.got).lines())
            screen.complain(line);
    return code;
}

exit_code report_database(const fault& of_store, console& screen) {
    screen.complain(of_store.text());
    const bool bad_value = is_from<admin::setting_errc>(of_store) || is_from<name_errc>(of_store);
    return bad_value ? exit_code::invalid : exit_code::database;
}

exit_code report_not_supported(std::string_view what, console& screen) {
    screen.complain(fmt::format("{} is not supported", what));
    return exit_code::not_supported;
}

exit_code report_invalid(std::string_view why, console& screen) {
    screen.complain(why);
    return exit_code::invalid;
}

exit_code report_bad_level(int level, std::string_view range, console& screen) {
    return report_invalid(fmt::format("Invalid info level {}. Try {}.", level, range), screen);
}

exit_code report_no_records(console& screen) {
    screen.complain("No records found");
    return exit_code::no_objects_found;
}

const admin::config& load_config(context& at) {
    if (!at.config) {
        at.config = admin::config::load(at.where.config_file());
        at.screen.explain("new records are made from " + at.where.config_file().string());
        for (const auto& warning : at.config->warnings())
            at.screen.complain(warning);
    }
    return *at.config;
}

result<std::vector<admin::session_info>> known_sessions(context& at, io_detail detail) {
    auto sessions =
        detail == io_detail::told ? at.daemon.list_sessions_with_io() : at.daemon.list_sessions();
    if (sessions || !is_not_running(sessions.error()) || has_left_disks(at.where))
        return sessions;
    const auto& [code, socket, error, expected] = sessions.error();
    const missing_daemon missing = look_for_daemon(socket, error);
    if (!missing.holder.empty()) // what it has is not known
        return sessions;
    at.screen.advise("iscsid is not running, so there is no session: " + missing.socket);
    if (!missing.other.empty())
        at.screen.advise(missing.lines().back());
    return std::vector<admin::session_info>{};
}

result<std::vector<admin::session_info>> sessions_if_running(context& at) {
    auto sessions = at.daemon.list_sessions();
    if (sessions || !is_not_running(sessions.error()))
        return sessions;
    if (!look_for_daemon(sessions.error().field, sessions.error().got).holder.empty())
        return sessions;
    return std::vector<admin::session_info>{};
}

bool uses(const admin::session_info& session, const admin::node_id& node) {
    return is_same_path(session.node, node);
}

} // namespace iscsi::cli
