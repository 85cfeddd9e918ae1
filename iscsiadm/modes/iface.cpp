#include "iscsiadm/modes/modes.hpp"
#include "iscsiadm/modes/records.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace iscsi::cli {

namespace {

std::string name_of(const admin::record& interface) {
    return interface.get("iface.iscsi_ifacename");
}

// ---- reading ----

// The stored ones, then those of the program.
// The two of the program come last, in the order that open-iscsi prints.
chosen_records all_interfaces(context& at) {
    auto selection = at.store.select_interfaces();
    chosen_records chosen{std::move(selection.records)};
    for (const fault& unreadable : selection.unreadable)
        at.screen.complain(unreadable.text());
    for (const admin::record& each : chosen.records)
        report_bad_values(each, at.screen);
    chosen.records.push_back(built_in_interface("default"));
    chosen.records.push_back(built_in_interface("iser"));
    return chosen;
}

exit_code report_not_stored(const std::string& name, context& at) {
    at.screen.complain_bare(fmt::format(
        "iSCSI ERROR: Failed to open {}/ifaces/{} using read mode: 2 No such file or directory",
        at.store.root().string(),
        name
    ));
    return exit_code::database;
}

bool names_missing(const iface_mode& mode, context& at) {
    if (!mode.name)
        return false;
    const auto interface = find_interface(*mode.name, at);
    return interface && !*interface;
}

// -I with -P prints the tree of that interface only.
exit_code list_interfaces(const iface_mode& mode, context& at) {
    const int level = mode.print_level.value_or(0);
    if (level > 1)
        return report_bad_level(level, "0 - 1", at.screen);
    if (names_missing(mode, at))
        return report_not_stored(*mode.name, at);
    chosen_records chosen = all_interfaces(at);
    if (mode.name)
        std::erase_if(chosen.records, [&](const auto& one) { return name_of(one) != *mode.name; });
    interface_list list{std::move(chosen.records), {}, level};
    if (level == 1)
        list.nodes = list_all(at).ids;
    at.out.show(std::move(list));
    return chosen.code;
}

// The line for a missing one names the path and the errno: clients recognise it.
exit_code show_interface(const std::string& name, context& at) {
    at.out.show(opened{document_kind::interface_records});
    const auto interface = find_interface(name, at);
    if (!interface)
        return report_database(interface.error(), at.screen);
    if (!*interface)
        return report_not_stored(name, at);
    report_bad_values(**interface, at.screen);
    at.out.show(shown_record{**interface, false});
    return exit_code::success;
}

// ---- changing ----

// Every failed change ends with this line, after the one that says why.
exit_code
could_not(std::string_view verb, const std::string& name, exit_code code, console& screen) {
    screen.complain(fmt::format("Could not {} iface {}: {}", verb, name, to_text(code)));
    return code;
}

exit_code report_no_info(const std::string& name, console& screen) {
    return report_invalid(fmt::format("Could not read iface info for {}.", name), screen);
}

// A device is named by its name or by its address; two of them could mean two devices.
bool is_bound_twice(const admin::record& interface) {
    return !interface.get("iface.net_ifacename").empty() &&
           !interface.get("iface.hwaddress").empty();
}

exit_code change_interface(
    std::string_view verb, admin::record& interface, const iface_mode& mode, context& at
) {
    const bool by_address = !interface.get("iface.hwaddress").empty();
    const exit_code applied = apply_changes(interface, mode.changes, at.screen);
    if (applied != exit_code::success)
        return could_not(verb, *mode.name, applied, at.screen);
    if (!is_bound_twice(interface))
        return exit_code::success;
    at.screen.complain(fmt::format(
        "Can not update interface binding from {} to {}. You must delete the interface and create "
        "a new one",
        by_address ? "hwaddress" : "net_ifacename",
        by_address ? "net_ifacename" : "hwaddress"
    ));
    return could_not(verb, *mode.name, exit_code::invalid, at.screen);
}

exit_code store_interface(
    record_action action, const admin::record& interface, admin::record_edit& edit, context& at
) {
    const auto verb = action == record_action::add ? "create" : "update";
    const auto name = name_of(interface);
    if (const auto written = edit.write_interface(interface); !written)
        return could_not(verb, name, report_database(written.error(), at.screen), at.screen);
    at.out.show(interface_change{action, name});
    return exit_code::success;
}

// A record of that name is replaced, as in open-iscsi.
exit_code create_interface(const iface_mode& mode, admin::record_edit& edit, context& at) {
    admin::record interface(admin::record_kind::interface);
    (void)interface.assign("iface.transport_name", "tcp");
    if (const auto named = interface.assign("iface.iscsi_ifacename", *mode.name); !named)
        return could_not(
            "create", *mode.name, report_database(named.error(), at.screen), at.screen
        );
    const exit_code changed = change_interface("create", interface, mode, at);
    if (changed != exit_code::success)
        return changed;
    return store_interface(record_action::add, interface, edit, at);
}

// One that cannot be read says nothing of its interface.
std::vector<admin::record> nodes_bound_to(const std::string& interface, const context& at) {
    admin::node_filter bound;
    bound.interface = interface;
    return at.store.select(bound).records;
}

// A node record holds a copy of its interface's settings, which is what a login goes by.
exit_code renew_bound_nodes(const admin::record& interface, admin::record_edit& edit, context& at) {
    first_failure failure;
    for (const admin::record& node : nodes_bound_to(name_of(interface), at)) {
        const auto renewed = make_node(node, id_of(node), interface);
        if (!renewed)
            failure.add(report_database(renewed.error(), at.screen));
        else if (const auto written = edit.write(*renewed); !written)
            failure.add(report_database(written.error(), at.screen));
    }
    return failure.code();
}

// With the node records that are bound to it, as in open-iscsi: the next login shows the change.
exit_code update_interface(const iface_mode& mode, admin::record_edit& edit, context& at) {
    auto interface = find_interface(*mode.name, at);
    if (!interface)
        return report_database(interface.error(), at.screen);
    if (!*interface)
        return report_no_info(*mode.name, at.screen);
    if ((*interface)->is_damaged()) {
        report_bad_values(**interface, at.screen);
        return could_not("update", *mode.name, exit_code::database, at.screen);
    }
    const exit_code changed = change_interface("update", **interface, mode, at);
    if (changed != exit_code::success)
        return changed;
    const exit_code renewed = renew_bound_nodes(**interface, edit, at);
    if (renewed != exit_code::success)
        return could_not("update", *mode.name, renewed, at.screen);
    const exit_code stored = store_interface(record_action::update, **interface, edit, at);
    if (stored == exit_code::success)
        report_lost_lines(**interface, at.screen);
    return stored;
}

exit_code unbind(
    const std::string& name,
    const std::vector<admin::session_info>& sessions,
    admin::record_edit& edit,
    context& at
) {
    const auto bound = ids_of(nodes_bound_to(name, at));
    const auto remove = [&edit](const admin::node_id& id) { return edit.remove(id); };
    return could_not_execute(remove_unused(bound, sessions, remove, at), at.screen);
}

// The node records that are bound to it go first; one that a session uses stops it. What is wrong
// in its file is no reason to keep it.
exit_code delete_interface(const iface_mode& mode, context& at) {
    const auto interface = find_interface(*mode.name, at);
    if (!interface)
        at.screen.complain(interface.error().text());
    else if (!*interface)
        return could_not("delete", *mode.name, report_no_info(*mode.name, at.screen), at.screen);
    const auto sessions = sessions_if_running(at);
    if (!sessions)
        return could_not("delete", *mode.name, report_call(sessions.error(), at.screen), at.screen);
    auto edit = at.store.edit();
    if (!edit)
        return could_not("delete", *mode.name, report_database(edit.error(), at.screen), at.screen);
    const exit_code unbound = unbind(*mode.name, *sessions, *edit, at);
    if (unbound != exit_code::success)
        return could_not("delete", *mode.name, unbound, at.screen);
    if (const auto removed = edit->remove_interface(*mode.name); !removed)
        return could_not(
            "delete", *mode.name, report_database(removed.error(), at.screen), at.screen
        );
    at.out.show(interface_change{record_action::remove, *mode.name});
    return exit_code::success;
}

exit_code refuse_new_built_in(const std::string& name, context& at) {
    at.screen.complain(fmt::format(
        "iface {} is a special interface and is not stored in {}/ifaces.",
        name,
        at.store.root().string()
    ));
    return report_invalid(fmt::format("Could not create new interface {}.", name), at.screen);
}

// `default` and `iser` are in no file, so there is nothing to change.
exit_code refuse_built_in(const iface_mode& mode, context& at) {
    if (mode.ops.create)
        return refuse_new_built_in(*mode.name, at);
    at.screen.complain(fmt::format(
        "iface {} is a special interface and cannot be {}.",
        *mode.name,
        mode.ops.remove ? "deleted" : "modified"
    ));
    const auto verb = mode.ops.remove ? "delete" : "update";
    return could_not(verb, *mode.name, exit_code::invalid, at.screen);
}

exit_code report_no_name(const operations& ops, console& screen) {
    if (ops.create)
        return report_invalid("Could not add interface. No interface passed in.", screen);
    return report_invalid(
        ops.remove ? "Could not delete interface. No interface passed in."
                   : "Update requires name, value, and iface.",
        screen
    );
}

exit_code change(const iface_mode& mode, context& at) {
    at.out.show(opened{document_kind::changes});
    const operations& ops = mode.ops;
    if (ops.create + ops.update + ops.remove + ops.show > 1)
        return report_invalid("operation is not supported.", at.screen);
    if (!mode.name)
        return report_no_name(ops, at.screen);
    if (is_built_in(*mode.name))
        return refuse_built_in(mode, at);
    if (!mode.ops.create && !mode.ops.update)
        return delete_interface(mode, at);
    auto edit = at.store.edit();
    if (!edit)
        return report_database(edit.error(), at.screen);
    return mode.ops.create ? create_interface(mode, *edit, at) : update_interface(mode, *edit, at);
}

// apply and applyall set up addresses of adapters, and there is none: the words are open-iscsi's
// for a machine without them.
exit_code apply(const iface_mode& mode, context& at) {
    at.out.show(opened{document_kind::changes});
    if (mode.ops.apply && !mode.name) {
        return report_invalid("Apply requires iface.", at.screen);
    }
    if (mode.ops.apply) {
        const auto interface = find_interface(*mode.name, at);
        if (!interface || !*interface) {
            at.screen.complain(fmt::format("Could not read iface {} (6).", *mode.name));
            return exit_code::database;
        }
    }
    at.screen.complain("Nothing to configure.");
    at.out.show(interface_change{
        record_action::apply, mode.ops.apply ? mode.name : std::optional<std::string>()});
    return exit_code::success;
}

// An adapter sends the ping; a software interface has none, there as here.
exit_code run_submode(const iface_mode& mode, context& at) {
    if (*mode.submode != "ping")
        return report_invalid(
            fmt::format("'{}' is no submode of iface mode: ping", *mode.submode), at.screen
        );
    if (!mode.name)
        return report_invalid("Ping requires iface.", at.screen);
    const auto interface = find_interface(*mode.name, at);
    if (!interface || !*interface) {
        at.screen.complain(fmt::format("Could not read iface {} (6).", *mode.name));
        return exit_code::database;
    }
    if (!mode.has_destination)
        return report_invalid("Ping requires destination ipaddress.", at.screen);
    return report_not_supported("ping, which only adapters send (use ping(8)),", at.screen);
}

} // namespace

exit_code run_iface(const iface_mode& mode, context& at) {
    const operations& ops = mode.ops;
    if (mode.submode)
        return run_submode(mode, at);
    if (ops.apply || ops.apply_all)
        return apply(mode, at);
    if (ops.login || ops.logout || ops.nonpersistent)
        return report_invalid("operation is not supported.", at.screen);
    if (ops.create || ops.update || ops.remove)
        return change(mode, at);
    const bool one_record = mode.name && (ops.show || mode.print_level.value_or(0) == 0);
    return one_record ? show_interface(*mode.name, at) : list_interfaces(mode, at);
}

} // namespace iscsi::cli
