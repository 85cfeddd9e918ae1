#include "iscsiadm/modes/session_record.hpp"

namespace iscsi::cli {

std::vector<shown_session>
with_records(const std::vector<admin::session_info>& sessions, bool reveal, const context& at) {
    std::vector<shown_session> all;
    for (const admin::session_info& session : sessions) {
        shown_session shown{session, std::nullopt};
        if (reveal)
            shown.secrets.emplace();
        const auto found = at.store.find(session.node);
        if (found && *found) {
            const admin::record& node = **found;
            shown.binding = {node.get("iface.hwaddress"), node.get("iface.net_ifacename")};
            if (reveal)
                shown.secrets = session_secrets{
                    node.get("node.session.auth.password"),
                    node.get("node.session.auth.password_in")};
        }
        all.push_back(std::move(shown));
    }
    return all;
}

std::vector<shown_session> shown_at(
    int level, const std::vector<admin::session_info>& sessions, bool reveal, const context& at
) {
    if (level > 0)
        return with_records(sessions, reveal, at);
    std::vector<shown_session> all;
    all.reserve(sessions.size());
    for (const admin::session_info& session : sessions)
        all.push_back({session, std::nullopt});
    return all;
}

} // namespace iscsi::cli
