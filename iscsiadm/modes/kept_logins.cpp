#include "iscsiadm/modes/kept_logins.hpp"

#include "iscsiadm/print/progress.hpp"

#include <vector>

namespace iscsi::cli {

// A daemon of an earlier version does not know the question.
void tell_kept_logins(context& at) {
    if (!at.hints)
        return;
    const auto kept = at.daemon.list_kept_logins();
    if (!kept)
        return;
    for (const admin::kept_login& login : *kept)
        at.screen.complain(not_logged_in_yet(login));
}

std::size_t end_kept_logins(const std::function<bool(const admin::node_id&)>& means, context& at) {
    const auto kept = at.daemon.list_kept_logins();
    if (!kept || at.dry_run)
        return 0;
    std::vector<admin::node_id> nodes;
    for (const admin::kept_login& login : *kept)
        if (means(login.node))
            nodes.push_back(login.node);
    if (nodes.empty())
        return 0;
    const auto ended = at.daemon.end_kept_logins(nodes);
    if (!ended)
        return 0;
    for (const admin::kept_login& login : *ended)
        at.screen.complain(login_warning(login.node, "iscsid tries no more to log in"));
    return ended->size();
}

} // namespace iscsi::cli
