#include "iscsiadm/modes/records.hpp"

#include "iscsiadm/cli/nearest.hpp"
#include "iscsiadm/print/portals.hpp"

#include "libiscsi/admin/setting.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace iscsi::cli {

namespace {

// Misspelt: the nearest name that such a record has.
void suggest_name(admin::record_kind kind, std::string_view name, console& screen) {
    const auto entries = admin::record(kind).entries();
    std::vector<std::string_view> names;
    names.reserve(entries.size());
    for (const auto& entry : entries)
        names.emplace_back(entry.first);
    if (const auto nearest = nearest_word(name, names))
        screen.complain(fmt::format("did you mean {}?", *nearest));
}

std::string fixed_name(admin::record_kind kind, std::string_view name) {
    if (kind == admin::record_kind::interface)
        return fmt::format("Can not update {}. Delete it, and then create a new one.", name);
    return fmt::format(
        "Cannot modify {}. It is used to look up the record and cannot be changed.", name
    );
}

// Clients match on "Invalid param name" and "Unknown parameter"; what is expected is ours, and so
// are refusals of values that open-iscsi takes.
void report_refused(
    admin::record_kind kind,
    const std::pair<std::string, std::string>& change,
    const fault& refused,
    console& screen
) {
    const auto& [name, value] = change;
    if (refused.code == to_error_code(admin::setting_errc::unknown_name)) {
        screen.complain(fmt::format("Cannot modify {}. Invalid param name.", name));
        suggest_name(kind, name, screen);
    } else if (refused.code == to_error_code(admin::setting_errc::not_writable)) {
        screen.complain(fixed_name(kind, name));
    } else {
        const auto* row = admin::find_setting(name);
        const bool word = row != nullptr && row->type != admin::setting_type::list;
        if (word && refused.code == to_error_code(admin::setting_errc::not_a_choice)) {
            screen.complain(
                fmt::format("unknown value format '{}' for parameter name '{}'", value, name)
            );
            if (kind == admin::record_kind::node || kind == admin::record_kind::interface)
                screen.complain(fmt::format("Unknown parameter {}.", name));
        }
        screen.complain(refused.text());
    }
}

// Of the steps since begin_many(), whatever has become of each.
void end_many(admin::record_edit& edit, first_failure& failure, context& at) {
    if (const auto ended = edit.end_many(); !ended)
        failure.add(report_database(ended.error(), at.screen));
}

// One that cannot be written does not keep the others from it.
exit_code
write_all(const std::vector<admin::record>& records, admin::record_edit& edit, context& at) {
    first_failure failure;
    edit.begin_many(records);
    for (const admin::record& record : records) {
        const auto written = edit.write(record);
        const exit_code code =
            written ? exit_code::success : report_database(written.error(), at.screen);
        if (written)
            report_lost_lines(record, at.screen);
        at.out.show(node_change{record_action::update, id_of(record), nullptr, code});
        failure.add(code);
    }
    end_many(edit, failure, at);
    return failure.code();
}

// All of them are changed before one is written.
exit_code update_all(
    std::vector<admin::record> records,
    const assignments& changes,
    admin::record_edit& edit,
    context& at
) {
    for (admin::record& record : records) {
        const exit_code applied = apply_changes(record, changes, at.screen);
        if (applied != exit_code::success)
            return could_not_execute(applied, at.screen);
    }
    return could_not_execute(write_all(records, edit, at), at.screen);
}

// Only when it is shown: a listing of many records is not to pay for these words.
template <class Ids>
void explain_choice(Ids ids_of_choice, context& at) {
    if (!at.screen.explains(1))
        return;
    const std::vector<admin::node_id> ids = ids_of_choice();
    at.screen.explain(
        fmt::format("{} node records are meant, in {}", ids.size(), at.store.root().string())
    );
    for (const admin::node_id& id : ids)
        at.screen.explain(fmt::format("[{}]", record_words(id)), 2);
}

// A file that is no record of its place is named by its path, once, and never guessed at. It is no
// failure of the others.
exit_code
report_unreadable(const std::vector<fault>& unreadable, bool has_others, console& screen) {
    for (const fault& each : unreadable)
        screen.complain(each.text());
    return unreadable.empty() || has_others ? exit_code::success : exit_code::database;
}

// Runs `verb` on the records of the filter, which nobody else changes meanwhile.
template <class Verb>
exit_code edit_records(const admin::node_filter& filter, context& at, Verb verb) {
    at.out.show(opened{document_kind::changes});
    auto edit = at.store.edit();
    if (!edit)
        return could_not_execute(report_database(edit.error(), at.screen), at.screen);
    chosen_records chosen = choose_records(filter, at);
    first_failure failure;
    failure.add(chosen.code);
    if (chosen.records.empty())
        failure.add(report_no_records(at.screen));
    else
        failure.add(verb(std::move(chosen.records), *edit));
    return failure.code();
}

} // namespace

chosen_records choose_records(const admin::node_filter& filter, context& at) {
    node_choice choice(filter);
    auto selection = at.store.select(choice.without_address());
    std::erase_if(selection.records, [&choice](const admin::record& node) {
        return !choice.means(id_of(node));
    });
    chosen_records chosen{std::move(selection.records)};
    explain_choice([&chosen] { return ids_of(chosen.records); }, at);
    chosen.code = report_unreadable(selection.unreadable, !chosen.records.empty(), at.screen);
    return chosen;
}

listed_nodes list_all(context& at) {
    auto found = at.store.list({});
    explain_choice([&found] { return found.ids; }, at);
    for (const auto& why : found.damaged)
        at.screen.complain(why);
    const auto code = report_unreadable(found.unreadable, !found.ids.empty(), at.screen);
    return {std::move(found.ids), code};
}

node_choice::node_choice(const admin::node_filter& filter)
    : rest_(filter), address_(filter.address) {
    rest_.address.reset();
}

// The address last: it may have to be asked for.
bool node_choice::means(const admin::node_id& id) {
    return rest_.matches(id) && (!address_ || hosts_.same(*address_, id.address));
}

std::vector<admin::node_id> ids_of(const std::vector<admin::record>& records) {
    std::vector<admin::node_id> ids;
    std::ranges::transform(records, std::back_inserter(ids), admin::id_of);
    return ids;
}

exit_code
update_records(const admin::node_filter& filter, const assignments& changes, context& at) {
    return edit_records(filter, at, [&](std::vector<admin::record> records, auto& edit) {
        return update_all(std::move(records), changes, edit, at);
    });
}

// The daemon is asked once for all of them, and before the lock is taken. A session that starts
// between that and the removal keeps running: the daemon has read its record.
exit_code remove_records(const admin::node_filter& filter, context& at) {
    const auto sessions = sessions_if_running(at);
    if (!sessions)
        return could_not_execute(report_call(sessions.error(), at.screen), at.screen);
    return edit_records(filter, at, [&](const std::vector<admin::record>& records, auto& edit) {
        const auto remove = [&](const admin::node_id& id) -> result<void> {
            return at.dry_run ? result<void>() : edit.remove(id);
        };
        first_failure failure;
        edit.begin_many(records.size());
        failure.add(remove_unused(ids_of(records), *sessions, remove, at));
        end_many(edit, failure, at);
        return could_not_execute(failure.code(), at.screen);
    });
}

exit_code remove_unused(
    const std::vector<admin::node_id>& records,
    const std::vector<admin::session_info>& sessions,
    const std::function<result<void>(const admin::node_id&)>& remove,
    context& at
) {
    const auto remove_one = [&](const admin::node_id& id) {
        const auto uses_it = [&](const admin::session_info& session) { return uses(session, id); };
        if (std::ranges::any_of(sessions, uses_it)) {
            at.screen.complain(record_is_used(id));
            return exit_code::session_exists;
        }
        const auto removed = remove(id);
        return removed ? exit_code::success : report_database(removed.error(), at.screen);
    };
    first_failure failure;
    for (const admin::node_id& id : records) {
        const exit_code code = remove_one(id);
        const bool planned = at.dry_run && code == exit_code::success;
        at.out.show(node_change{record_action::remove, id, nullptr, code, planned});
        failure.add(code);
    }
    return failure.code();
}

void report_bad_values(const admin::record& record, console& screen) {
    for (const auto& bad : record.bad_values())
        screen.complain(bad.why);
}

void report_lost_lines(const admin::record& record, console& screen) {
    if (record.is_damaged()) // its flaw is no line
        return;
    for (const auto& bad : record.bad_values())
        if (bad.name.empty())
            screen.complain(bad.why + "; the line is not in the record any more");
}

exit_code could_not_execute(exit_code code, console& screen) {
    if (code != exit_code::success)
        screen.complain(fmt::format("Could not execute operation on all records: {}", to_text(code))
        );
    return code;
}

exit_code check_node_changes(const assignments& changes, console& screen) {
    for (const auto& [name, value] : changes) {
        if (!name.starts_with("iface.") || name == "iface.transport_name")
            continue;
        screen.complain(fmt::format("Cannot modify {}. Use iface mode to update this value.", name)
        );
        return exit_code::invalid;
    }
    return exit_code::success;
}

exit_code apply_changes(admin::record& record, const assignments& changes, console& screen) {
    for (const auto& change : changes) {
        const auto updated = record.update(change.first, change.second);
        if (updated)
            continue;
        report_refused(record.kind(), change, updated.error(), screen);
        return exit_code::invalid;
    }
    return exit_code::success;
}

std::string record_is_used(const admin::node_id& node) {
    return fmt::format(
        "This command will remove the record [{}], but a session is using it. Logout session then "
        "rerun command to remove record.",
        record_words(node)
    );
}

result<std::optional<admin::record>> find_interface(const std::string& name, context& at) {
    return discovery::find_interface(at.store, name);
}

std::optional<admin::record> find_named_interface(const std::string& name, context& at) {
    const auto interface = find_interface(name, at);
    if (!interface)
        at.screen.complain(interface.error().text());
    else if (*interface)
        report_bad_values(**interface, at.screen);
    if (interface && *interface && !(*interface)->is_damaged())
        return **interface;
    at.screen.complain(fmt::format(
        "Could not read iface info for {0}. Make sure an iface config with the file "
        "name and iface.iscsi_ifacename {0} is in {1}/ifaces.",
        name,
        at.store.root().string()
    ));
    return std::nullopt;
}

exit_code remove_gone(
    const std::vector<admin::node_id>& gone,
    const std::vector<admin::session_info>& sessions,
    admin::record_edit& edit,
    context& at
) {
    edit.begin_many(gone.size());
    for (const admin::node_id& id : gone) {
        const auto uses_it = [&](const admin::session_info& session) { return uses(session, id); };
        if (std::ranges::any_of(sessions, uses_it))
            at.screen.complain(record_is_used(id));
        else if (const auto removed = edit.remove(id); !removed)
            return report_database(removed.error(), at.screen);
    }
    const auto ended = edit.end_many();
    return ended ? exit_code::success : report_database(ended.error(), at.screen);
}

} // namespace iscsi::cli
