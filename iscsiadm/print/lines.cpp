#include "iscsiadm/print/lines.hpp"

#include "iscsiadm/print/luns.hpp"
#include "iscsiadm/print/portals.hpp"
#include "iscsiadm/print/progress.hpp"
#include "iscsiadm/print/records.hpp"
#include "iscsiadm/print/reservations.hpp"
#include "iscsiadm/print/sessions.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

namespace iscsi::cli {

namespace {

std::vector<admin::session_info> infos_of(const std::vector<shown_session>& sessions) {
    std::vector<admin::session_info> infos;
    infos.reserve(sessions.size());
    std::ranges::transform(sessions, std::back_inserter(infos), &shown_session::info);
    return infos;
}

std::vector<admin::discovery_id> ids_of(const std::vector<discovery_branch>& branches) {
    std::vector<admin::discovery_id> ids;
    std::ranges::transform(branches, std::back_inserter(ids), &discovery_branch::source);
    return ids;
}

// One call operator per kind of answer, for std::visit.
struct to_lines {
    std::string operator()(const opened&) const { return {}; }

    // Without a session not even the version stands there.
    std::string operator()(const shown_sessions& list) const {
        if (list.sessions.empty())
            return {};
        return list.level == 0 ? flat_sessions(infos_of(list.sessions))
                               : session_tree(list.sessions, list.level);
    }

    std::string operator()(const statistics_list& list) const {
        return session_statistics(list.sessions);
    }

    std::string operator()(const host_list& list) const {
        if (list.sessions.empty())
            return {};
        return list.level == 0 ? flat_hosts(infos_of(list.sessions))
                               : host_blocks(list.sessions, list.level);
    }

    // -P 1 repeats the portal for every interface: readers take Target, Portal, Iface as three
    // lines of one record.
    std::string operator()(const node_list& list) const {
        return list.level == 0 ? flat_nodes(list.nodes) : node_tree(list.nodes, repeat_portal::yes);
    }

    std::string operator()(const discovery_list& list) const {
        return list.level == 0 ? flat_discoveries(ids_of(list.sources))
                               : discovery_tree(list.sources, list.fixed, list.firmware);
    }

    std::string operator()(const interface_list& list) const {
        if (list.level > 0)
            return interface_tree(list.interfaces, list.nodes);
        std::string lines;
        for (const admin::record& interface : list.interfaces)
            lines += flat_interface(interface);
        return lines;
    }

    std::string operator()(const found_nodes& list) const {
        return list.level == 0 ? flat_nodes(list.nodes) : node_tree(list.nodes, repeat_portal::no);
    }

    std::string operator()(const shown_record& shown) const {
        return show_record(shown.record, shown.reveal);
    }

    std::string operator()(const shown_firmware& shown) const {
        return show_settings(shown.settings, false);
    }

    std::string operator()(const login_start& login) const {
        return login.planned ? would_log_in_line(login.node, login.several)
                             : logging_in_line(login.node, login.several);
    }

    // Where nobody waits, nobody knows yet whether it succeeded, so nobody says so.
    std::string operator()(const login_end& login) const {
        return login.outcome == login_outcome::logged_in ? logged_in_line(login.node)
                                                         : std::string();
    }

    std::string operator()(const session_start& start) const {
        switch (start.action) {
        case session_action::log_out:
            return start.planned ? would_log_out_line(start.session)
                                 : logging_out_line(start.session);
        case session_action::rescan:
            return rescanning_line(start.session);
        case session_action::fail_io:
            return failing_io_line(start.session);
        case session_action::attach_lun:
        case session_action::detach_lun:
        case session_action::describe_luns:
            break;
        }
        return {};
    }

    // open-iscsi says nothing of a rescan that went well.
    std::string operator()(const session_end& end) const {
        if (end.code != admin::exit_code::success)
            return {};
        const ordered_lun& one = end.one_lun;
        switch (end.action) {
        case session_action::log_out:
            return logged_out_line(end.session);
        case session_action::rescan:
            return {};
        case session_action::fail_io:
            return failed_io_line(end.session, end.commands.value_or(0));
        case session_action::attach_lun:
            return attached_line(end.session, one.lun, one.disk, one.changed);
        case session_action::describe_luns:
            return lun_table(end.session, end.luns);
        case session_action::detach_lun:
            break;
        }
        return detached_line(end.session, one.lun, one.disk, one.changed);
    }

    std::string operator()(const reservation_end& end) const {
        return end.how.code == admin::exit_code::success ? reservation_lines(end) : std::string();
    }

    std::string operator()(const node_change& change) const {
        if (change.planned)
            return would_delete_line(change.node);
        return change.added == nullptr ? std::string() : node_added(*change.added);
    }

    std::string operator()(const session_change& /*change*/) const { return {}; }

    std::string operator()(const discovery_change& change) const {
        if (change.action != record_action::add)
            return {};
        return fmt::format(
            "New discovery record for [{},{}] added.\n", change.source.address, change.source.port
        );
    }

    std::string operator()(const interface_change& change) const {
        return interface_changed(change);
    }

    std::string operator()(const import_result& done) const {
        return fmt::format(
            "Imported {} node records, {} discovery records and {} interfaces to {}\n",
            done.nodes,
            done.discoveries,
            done.interfaces,
            done.database
        );
    }

    std::string operator()(const version_answer& version) const {
        return fmt::format("iscsiadm version {}\n", version.compatible_version);
    }

    std::string operator()(const usage_answer& usage) const { return usage.text; }

    // Created and updated ones are both called updated, as there.
    static std::string interface_changed(const interface_change& change) {
        if (!change.name)
            return "Applied settings to ifaces attached to host0.\n";
        switch (change.action) {
        case record_action::add:
            return fmt::format("{0} updated.\nNew interface {0} added\n", *change.name);
        case record_action::update:
            return fmt::format("{} updated.\n", *change.name);
        case record_action::remove:
            return fmt::format("{} unbound and deleted.\n", *change.name);
        case record_action::apply:
            break;
        }
        return fmt::format("{} applied.\n", *change.name);
    }
};

} // namespace

std::string lines_of(const answer& what) {
    return std::visit(to_lines{}, what);
}

} // namespace iscsi::cli
