#include "iscsiadm/modes/startup.hpp"

#include "iscsiadm/modes/kept_logins.hpp"
#include "iscsiadm/modes/login.hpp"
#include "iscsiadm/modes/records.hpp"

#include "libiscsi/admin/startup.hpp"

#include <algorithm>
#include <iterator>
#include <map>

namespace iscsi::cli {

namespace {

// The words of node.startup; `all` matches no value, it matches every record.
std::string_view word_of(startup which) {
    switch (which) {
    case startup::manual:
        return "manual";
    case startup::automatic:
        return "automatic";
    case startup::onboot:
        return "onboot";
    case startup::all:
        break;
    }
    return "";
}

// Their disks may be the root file system; only a logout by name ends them.
bool belongs_to_boot(const admin::record& node) {
    return node.get("node.startup") == "onboot" || node.get("node.discovery_type") == "fw";
}

// node.leading_login: one session of the target is enough, and it does not matter through which
// portal.
bool leads(const admin::record& node) {
    return node.get_boolean("node.leading_login");
}

bool has_session(const std::string& target, const std::vector<admin::session_info>& sessions) {
    return std::ranges::any_of(sessions, [&](const admin::session_info& session) {
        return session.node.target == target && !session.login_pending && !session.logout_pending;
    });
}

// A login that is under way is joined, before others are tried.
void put_pending_first(
    std::vector<admin::record>& portals, const std::vector<admin::session_info>& sessions
) {
    std::stable_partition(portals.begin(), portals.end(), [&](const admin::record& portal) {
        return std::ranges::any_of(sessions, [id = id_of(portal)](const auto& session) {
            return session.login_pending && uses(session, id);
        });
    });
}

// One portal after the other, until the target has a session.
// Each try prints its own lines, so that the failure of one portal is seen although the next
// succeeds.
exit_code log_in_to_one(const std::vector<admin::record>& portals, login_manner how, context& at) {
    for (const admin::record& portal : portals)
        if (log_in({portal}, how, at) == exit_code::success)
            return exit_code::success;
    return exit_code::fatal_login;
}

// The sessions are asked for after the plain logins: one of those may be the session that the
// target needs.
exit_code log_in_leading(const std::vector<admin::record>& nodes, login_manner how, context& at) {
    std::map<std::string, std::vector<admin::record>> by_target;
    for (const admin::record& node : nodes)
        by_target[node.get("node.name")].push_back(node);
    const auto sessions = at.daemon.list_sessions();
    if (!sessions)
        return report_call(sessions.error(), at.screen);
    first_failure failure;
    for (auto& [target, portals] : by_target) {
        if (has_session(target, *sessions))
            continue;
        put_pending_first(portals, *sessions);
        failure.add(log_in_to_one(portals, how, at));
    }
    if (failure.code() != exit_code::success)
        at.screen.complain("Could not login all leading-login portals");
    return failure.code();
}

// All at once: of portals of which one will do the daemon takes the first that can be had.
exit_code keep_logged_in(std::vector<admin::record> nodes, login_manner how, context& at) {
    const auto sessions = at.daemon.list_sessions();
    if (!sessions)
        return report_call(sessions.error(), at.screen);
    std::erase_if(nodes, [&](const admin::record& node) {
        return leads(node) && has_session(node.get("node.name"), *sessions);
    });
    return nodes.empty() ? exit_code::success : log_in(nodes, how, at);
}

} // namespace

bool starts_as(const admin::record& node, startup which) {
    return which == startup::all || admin::has_startup(node, word_of(which));
}

// Nothing to log in to is 21: boot scripts treat that as success.
exit_code log_in_by_startup(startup which, login_manner how, context& at) {
    at.out.show(opened{document_kind::logins});
    chosen_records chosen = choose_records({}, at);
    std::erase_if(chosen.records, [which](const auto& node) { return !starts_as(node, which); });
    first_failure failure;
    failure.add(chosen.code);
    if (chosen.records.empty()) {
        failure.add(report_no_records(at.screen));
        return failure.code();
    }
    if (how.keep_trying) {
        failure.add(keep_logged_in(std::move(chosen.records), how, at));
        return failure.code();
    }
    const auto first_leading =
        std::stable_partition(chosen.records.begin(), chosen.records.end(), std::not_fn(leads));
    const std::vector<admin::record> plain(chosen.records.begin(), first_leading);
    const std::vector<admin::record> leading(first_leading, chosen.records.end());
    if (!plain.empty())
        failure.add(log_in(plain, how, at));
    if (!leading.empty())
        failure.add(log_in_leading(leading, how, at));
    return failure.code();
}

// By the record's word, not by the session's: who made the session does not matter.
exit_code log_out_by_startup(startup which, context& at) {
    at.out.show(opened{document_kind::logouts});
    const chosen_records chosen = choose_records({}, at);
    const auto is_meant = [&](auto is_of_record) {
        const auto record = std::ranges::find_if(chosen.records, is_of_record);
        return record != chosen.records.end() && starts_as(*record, which) &&
               !belongs_to_boot(*record);
    };
    const auto is_kept_login_meant = [&](const admin::node_id& kept) {
        return is_meant([&](const auto& node) { return is_same_path(id_of(node), kept); });
    };
    const auto ended = end_kept_logins(is_kept_login_meant, at);
    const auto sessions = known_sessions(at);
    if (!sessions)
        return report_call(sessions.error(), at.screen);
    std::vector<admin::session_info> leaving;
    std::ranges::copy_if(*sessions, std::back_inserter(leaving), [&](const auto& session) {
        return is_meant([&](const auto& node) { return uses(session, id_of(node)); });
    });
    if (!leaving.empty())
        return log_out(std::move(leaving), at);
    if (ended > 0)
        return exit_code::success;
    at.screen.complain("No matching sessions found");
    return exit_code::no_objects_found;
}

} // namespace iscsi::cli
