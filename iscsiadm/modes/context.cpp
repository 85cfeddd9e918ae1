#include "iscsiadm/modes/context.hpp"

#include "libiscsi/admin/setting.hpp"
#include "libiscsi/names/iscsi_name.hpp"

#include <fmt/core.h>

namespace iscsi::cli {

namespace {

// Error numbers of different enums are compared by their category, not by their value.
template <class Enum>
bool is_from(const fault& of) {
    return of.code.category() == enum_category<Enum>::instance();
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
    else
        screen.complain(of_call.text());
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

exit_code report_bad_level(int level, std::string_view range, console& screen) {
    screen.complain(fmt::format("Invalid info level {}. Try {}.", level, range));
    return exit_code::invalid;
}

exit_code report_no_records(console& screen) {
    screen.complain("No records found");
    return exit_code::no_objects_found;
}

result<std::vector<admin::session_info>> sessions_if_running(context& at) {
    auto sessions = at.daemon.list_sessions();
    if (!sessions && exit_code_of(sessions.error()) == exit_code::daemon_not_connected)
        return std::vector<admin::session_info>{};
    return sessions;
}

bool uses(const admin::session_info& session, const admin::node_id& node) {
    return is_same_path(session.node, node);
}

} // namespace iscsi::cli
