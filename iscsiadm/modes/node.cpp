#include "iscsiadm/modes/import.hpp"
#include "iscsiadm/modes/kept_logins.hpp"
#include "iscsiadm/modes/login.hpp"
#include "iscsiadm/modes/modes.hpp"
#include "iscsiadm/modes/records.hpp"
#include "iscsiadm/modes/startup.hpp"

#include "libiscsi/names/iscsi_name.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

namespace iscsi::cli {

namespace {

// -T, -p and -I together: what was not given matches everything. A port is always compared, for -p
// without one means 3260; a group tag never is, as in open-iscsi: callers pass one that they made
// up.
admin::node_filter filter_of(const node_mode& mode) {
    admin::node_filter filter;
    filter.target = mode.target;
    filter.interface = mode.interface;
    if (!mode.where)
        return filter;
    filter.address = mode.where->address;
    filter.port = mode.where->port;
    return filter;
}

// 3 is what open-iscsi ends with.
exit_code report_no_interface(const std::string& name, console& screen) {
    screen.complain(fmt::format("Could not read iface info for {}.", name));
    return exit_code::no_memory;
}

// An interface that is gone may still have records, so these are looked for first.
exit_code report_none(const node_mode& mode, context& at) {
    if (mode.interface) {
        const auto interface = find_interface(*mode.interface, at);
        if (interface && !*interface)
            return report_no_interface(*mode.interface, at.screen);
    }
    return report_no_records(at.screen);
}

// Runs `verb` on the records of the filter; some unreadable ones do not stop it.
template <class Verb>
exit_code with_records(const node_mode& mode, context& at, Verb verb) {
    chosen_records chosen = choose_records(filter_of(mode), at);
    first_failure failure;
    failure.add(chosen.code);
    if (chosen.records.empty())
        failure.add(report_none(mode, at));
    else
        failure.add(verb(std::move(chosen.records)));
    return failure.code();
}

// ---- reading ----

exit_code list_nodes(const node_mode& mode, context& at) {
    const int level = mode.print_level.value_or(0);
    if (level > 1)
        return report_bad_level(level, "0 or 1", at.screen);
    listed_nodes listed = list_all(at);
    first_failure failure;
    failure.add(listed.code);
    if (listed.ids.empty())
        failure.add(report_no_records(at.screen));
    at.out.show(node_list{std::move(listed.ids), level});
    return failure.code();
}

// Secrets are hidden unless -S, also from root: logs and screenshots are not.
exit_code show_nodes(const node_mode& mode, context& at) {
    at.out.show(opened{document_kind::node_records});
    return with_records(mode, at, [&](const std::vector<admin::record>& records) {
        for (const admin::record& record : records) {
            report_bad_values(record, at.screen);
            at.out.show(shown_record{record, mode.reveal});
        }
        return exit_code::success;
    });
}

// ---- new records ----

// All of these end with 7.
exit_code refuse_new(std::string_view why, console& screen) {
    return report_invalid(fmt::format("Error while adding record: {}", why), screen);
}

// A record that is there already is written anew from the template, as in open-iscsi.
exit_code add_record(const admin::record& node, admin::record_edit& edit, context& at) {
    if (const auto written = edit.write(node); !written)
        return report_database(written.error(), at.screen);
    at.out.show(node_change{record_action::add, id_of(node), &node});
    return exit_code::success;
}

// Without a group tag it is the record that has one, if the portal has such; else it has none (-1)
// until a discovery tells it.
admin::node_id id_of_new(const node_mode& mode, const std::string& interface, const context& at) {
    admin::node_id id{*mode.target, mode.where->address, mode.where->port, -1, interface};
    id.group_tag = mode.where->group_tag.value_or(-1);
    if (id.group_tag < 0)
        id.group_tag = at.store.known_group_tag(id);
    return id;
}

// The name comes from a person, so it is checked before it becomes a folder.
exit_code add_portal(const node_mode& mode, const admin::record& interface, context& at) {
    if (const auto checked = check_iscsi_name(*mode.target); !checked)
        return refuse_new(checked.error().text(), at.screen);
    const auto& template_of_new = load_config(at);
    auto edit = at.store.edit();
    if (!edit)
        return report_database(edit.error(), at.screen);
    const auto id = id_of_new(mode, interface.get("iface.iscsi_ifacename"), at);
    auto node = make_node(template_of_new.new_node(), id, interface);
    if (!node)
        return report_database(node.error(), at.screen);
    const exit_code applied = apply_changes(*node, mode.changes, at.screen);
    return applied == exit_code::success ? add_record(*node, *edit, at) : applied;
}

// -I without a whole portal: every record that is meant also with this interface. From the
// template, as each new record.
exit_code bind_all(const node_mode& mode, const admin::record& interface, context& at) {
    const admin::record& node_template = load_config(at).new_node();
    auto edit = at.store.edit();
    if (!edit)
        return report_database(edit.error(), at.screen);
    const std::string& name = interface.get("iface.iscsi_ifacename");
    admin::node_filter filter = filter_of(mode);
    filter.interface.reset();
    const chosen_records chosen = choose_records(filter, at);
    first_failure failure;
    failure.add(chosen.code);
    std::vector<admin::node_id> done;
    for (const admin::record& record : chosen.records) {
        admin::node_id id = id_of(record);
        id.interface = name;
        if (std::ranges::find(done, id) != done.end())
            continue;
        done.push_back(id);
        const auto node = make_node(node_template, id, interface);
        failure.add(node ? add_record(*node, *edit, at) : report_database(node.error(), at.screen));
    }
    if (done.empty())
        failure.add(report_no_records(at.screen));
    return failure.code();
}

// Which of -T, -p and -I are there decides what "new" means.
exit_code create_nodes(const node_mode& mode, context& at) {
    at.out.show(opened{document_kind::changes});
    const std::string name = mode.interface.value_or("default");
    const auto interface = find_interface(name, at);
    if (!interface)
        return report_database(interface.error(), at.screen);
    if (!*interface)
        return report_no_interface(name, at.screen);
    report_bad_values(**interface, at.screen);
    if ((*interface)->is_damaged())
        return exit_code::database;
    if (mode.target && mode.where)
        return add_portal(mode, **interface, at);
    if (mode.interface)
        return bind_all(mode, **interface, at);
    return refuse_new("a target (-T) and its portal (-p) are needed", at.screen);
}

// ---- sessions ----

exit_code report_no_sessions(std::string_view words, console& screen) {
    if (!words.empty())
        screen.complain(words);
    return exit_code::no_objects_found;
}

// Runs `verb` on the sessions of the filter, or says `none`.
template <class Verb>
exit_code with_sessions(
    const node_mode& mode, context& at, document_kind kind, std::string_view none, Verb verb
) {
    at.out.show(opened{kind});
    const bool is_about_io = kind == document_kind::session_statistics;
    const auto sessions = known_sessions(at, is_about_io ? io_detail::told : io_detail::left_out);
    if (!sessions)
        return report_call(sessions.error(), at.screen);
    node_choice choice(filter_of(mode));
    std::vector<admin::session_info> chosen;
    std::ranges::copy_if(*sessions, std::back_inserter(chosen), [&](const auto& session) {
        return choice.means(session.node);
    });
    return chosen.empty() ? report_no_sessions(none, at.screen) : verb(std::move(chosen));
}

exit_code log_out_nodes(const node_mode& mode, context& at) {
    node_choice choice(filter_of(mode));
    const auto ended =
        end_kept_logins([&](const admin::node_id& node) { return choice.means(node); }, at);
    const exit_code code = with_sessions(
        mode,
        at,
        document_kind::logouts,
        ended > 0 ? std::string_view() : "No matching sessions found",
        [&](std::vector<admin::session_info> chosen) { return log_out(std::move(chosen), at); }
    );
    return code == exit_code::no_objects_found && ended > 0 ? exit_code::success : code;
}

exit_code rescan_nodes(const node_mode& mode, context& at) {
    constexpr std::string_view none = "No session found.";
    return with_sessions(
        mode,
        at,
        document_kind::rescans,
        none,
        [&](const std::vector<admin::session_info>& chosen) { return rescan(chosen, at); }
    );
}

exit_code print_statistics(const node_mode& mode, context& at) {
    constexpr std::string_view none = "No session found.";
    return with_sessions(
        mode,
        at,
        document_kind::session_statistics,
        none,
        [&](const std::vector<admin::session_info>& chosen) {
            at.out.show(statistics_list{chosen});
            return exit_code::success;
        }
    );
}

// ---- which verb ----

exit_code update_nodes(const node_mode& mode, context& at) {
    const exit_code possible = check_node_changes(mode.changes, at.screen);
    return possible == exit_code::success ? update_records(filter_of(mode), mode.changes, at)
                                          : possible;
}

exit_code import_all(const node_mode& mode, context& at) {
    if (!mode.target && !mode.where && !mode.interface)
        return import_records(at);
    return report_invalid(
        "import is for all records: neither -T nor -p nor -I goes with it", at.screen
    );
}

// What no mode does on nodes and more than one operation have one sentence, as in open-iscsi.
exit_code operate(const node_mode& mode, context& at) {
    const operations& ops = mode.ops;
    const bool elsewhere =
        ops.nonpersistent || ops.apply || ops.apply_all || ops.login || ops.logout;
    if (ops == operations{.import = true})
        return import_all(mode, at);
    if (elsewhere || ops.create + ops.update + ops.remove + ops.show + ops.import > 1) {
        return report_invalid("operation is not supported.", at.screen);
    }
    if (ops.create)
        return create_nodes(mode, at);
    if (ops.show)
        return show_nodes(mode, at);
    return ops.update ? update_nodes(mode, at) : remove_records(filter_of(mode), at);
}

} // namespace

// In open-iscsi's order, which decides when several were given.
exit_code run_node(const node_mode& mode, context& at) {
    if (mode.statistics)
        return print_statistics(mode, at);
    if (mode.rescan)
        return rescan_nodes(mode, at);
    if (mode.login_all)
        return log_in_by_startup(*mode.login_all, {mode.wait, mode.keep_trying}, at);
    if (mode.logout_all)
        return log_out_by_startup(*mode.logout_all, at);
    if (mode.login) {
        at.out.show(opened{document_kind::logins});
        return with_records(mode, at, [&](const std::vector<admin::record>& records) {
            return log_in(records, {mode.wait, mode.keep_trying}, at);
        });
    }
    if (mode.logout)
        return log_out_nodes(mode, at);
    if (!mode.ops.none())
        return operate(mode, at);
    const bool about_some = mode.target || mode.where || mode.interface;
    return about_some ? show_nodes(mode, at) : list_nodes(mode, at);
}

} // namespace iscsi::cli
