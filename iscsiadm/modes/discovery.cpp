#include "iscsiadm/modes/discover.hpp"
#include "iscsiadm/modes/firmware.hpp"
#include "iscsiadm/modes/modes.hpp"
#include "iscsiadm/modes/records.hpp"
#include "iscsiadm/print/portals.hpp"

#include "libiscsi/discovery/portal_filter.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <functional>

namespace iscsi::cli {

namespace {

using optional_record = std::optional<admin::record>;

// Only where -p was given; run_discovery() sees to that.
admin::discovery_id source_of(const discovery_mode& mode) {
    const bool is_isns = mode.type == discovery_type::isns;
    return {
        mode.where->address,
        mode.where->port,
        is_isns ? admin::source_kind::isns : admin::source_kind::send_targets};
}

bool is_list(const operations& ops) {
    return ops.none() || ops == operations{.show = true};
}

// The two modes have different words and codes for a record that is not stored, as there.
exit_code report_missing(const discovery_mode& mode, console& screen) {
    const auto id = source_of(mode);
    const auto words = fmt::format("Discovery record [{},{}] not found", id.address, id.port);
    screen.complain(words + (mode.database ? "." : "!"));
    return mode.database ? exit_code::database : exit_code::invalid;
}

// A discovery record made from iscsid.conf.
result<admin::record> new_discovery(const admin::discovery_id& id, context& at) {
    const auto& config = load_config(at);
    admin::record record =
        id.kind == admin::source_kind::isns ? config.new_isns() : config.new_send_targets();
    if (const auto set = record.assign("discovery.sendtargets.address", id.address); !set)
        return set.error();
    if (const auto set = record.assign("discovery.sendtargets.port", std::to_string(id.port)); !set)
        return set.error();
    return record;
}

// ---- lists ----

std::vector<admin::node_id>
of_type(std::vector<admin::record> records, std::string_view discovery_type) {
    std::erase_if(records, [discovery_type](const admin::record& node) {
        return node.get("node.discovery_type") != discovery_type;
    });
    return ids_of(records);
}

// By the links in the tree, not by what the portals would say today.
std::vector<discovery_branch>
branches_of(const std::vector<admin::discovery_id>& sources, int level, const context& at) {
    std::vector<discovery_branch> branches;
    branches.reserve(sources.size());
    for (const admin::discovery_id& source : sources)
        branches.push_back({source, {}});
    if (level > 0)
        for (discovery_branch& branch : branches)
            branch.nodes = at.store.discovered_by(branch.source);
    return branches;
}

exit_code list_discoveries(const discovery_mode& mode, context& at) {
    const int level = mode.print_level.value_or(0);
    if (level > 1)
        return report_bad_level(level, "0 or 1", at.screen);
    discovery_list list{branches_of(at.store.discoveries(), level, at), {}, {}, level};
    if (level > 0) {
        const auto records = choose_records({}, at).records;
        list.fixed = of_type(records, "static");
        list.firmware = of_type(records, "fw");
    }
    const bool nothing = list.sources.empty() && list.fixed.empty() && list.firmware.empty();
    at.out.show(std::move(list));
    // Without a record open-iscsi says no word for it; the tree's empty blocks are printed, and
    // static records are enough for it.
    return nothing ? exit_code::no_objects_found : exit_code::success;
}

// ---- one record ----

exit_code show_discovery(const discovery_mode& mode, context& at) {
    at.out.show(opened{document_kind::discovery_records});
    const auto record = at.store.find_discovery(source_of(mode));
    if (!record)
        return report_database(record.error(), at.screen);
    if (!*record)
        return report_missing(mode, at.screen);
    report_bad_values(**record, at.screen);
    at.out.show(shown_record{**record, mode.reveal});
    return exit_code::success;
}

// All of the changes or none, and only what a discovery can work with.
exit_code change_discovery(admin::record& record, const assignments& changes, context& at) {
    const exit_code applied = apply_changes(record, changes, at.screen);
    if (applied != exit_code::success)
        return applied;
    const auto filter = discovery::portal_filter::read(record);
    return filter ? exit_code::success : report_filter(filter.error(), at);
}

// An existing record is replaced by one from the template: that is what "new" means for discovery
// records.
exit_code create_discovery(const discovery_mode& mode, context& at) {
    at.out.show(opened{document_kind::changes});
    const admin::discovery_id id = source_of(mode);
    auto record = new_discovery(id, at);
    if (!record)
        return report_database(record.error(), at.screen);
    const exit_code applied = change_discovery(*record, mode.changes, at);
    if (applied != exit_code::success)
        return applied;
    if (const auto written = at.store.write_discovery(*record); !written)
        return report_database(written.error(), at.screen);
    at.out.show(discovery_change{record_action::add, id});
    return exit_code::success;
}

// All of the changes or none: nothing is written before each has been accepted.
exit_code update_discovery(const discovery_mode& mode, context& at) {
    at.out.show(opened{document_kind::changes});
    auto edit = at.store.edit();
    if (!edit)
        return report_database(edit.error(), at.screen);
    auto record = at.store.find_discovery(source_of(mode));
    if (!record)
        return report_database(record.error(), at.screen);
    if (!*record)
        return report_missing(mode, at.screen);
    const exit_code applied = change_discovery(**record, mode.changes, at);
    if (applied != exit_code::success)
        return applied;
    if (const auto written = edit->write_discovery(**record); !written)
        return report_database(written.error(), at.screen);
    report_lost_lines(**record, at.screen);
    at.out.show(discovery_change{record_action::update, source_of(mode)});
    return exit_code::success;
}

// Its node records go with it; when a session uses one of them, nothing is removed.
// A record that cannot be read is removed like any other: that is how a user gets rid of a damaged
// one.
exit_code remove_discovery(const discovery_mode& mode, context& at) {
    at.out.show(opened{document_kind::changes});
    const admin::discovery_id id = source_of(mode);
    const auto record = at.store.find_discovery(id);
    if (record && !*record)
        return report_missing(mode, at.screen);
    const auto sessions = sessions_if_running(at);
    if (!sessions)
        return report_call(sessions.error(), at.screen);
    bool used = false;
    for (const admin::node_id& node : at.store.discovered_by(id))
        for (const admin::session_info& session : *sessions)
            if (uses(session, node)) {
                at.screen.complain(record_is_used(node));
                used = true;
            }
    if (used)
        return exit_code::session_exists;
    if (const auto removed = at.store.remove_discovery(id); !removed)
        return report_database(removed.error(), at.screen);
    at.out.show(discovery_change{record_action::remove, id});
    return exit_code::success;
}

// ---- discovering ----

// With -P the new records are shown as a tree, as with the list of records.
discovery_job job_of(const discovery_mode& mode, admin::record settings) {
    return {
        .settings = std::move(settings),
        .changes = changes_of(mode.ops),
        .interfaces = mode.interfaces,
        .print_level = mode.print_level.value_or(0),
        .login = mode.login,
    };
}

// What it held is not known, so neither is how the portal is to be asked.
exit_code refuse_cut(console& screen) {
    screen.complain("The discovery record is left as it is. Mend its file, or delete the record.");
    return exit_code::database;
}

// -o show has the portal asked and writes no node; of a portal that does not answer it writes
// nothing. Else the record is stored before the portal is asked, and stays when it does not answer,
// as in open-iscsi; one that is there is refreshed, and keeps what users have set in it, as node
// records do. With nonpersistent the daemon gets along with iscsid.conf.
exit_code discover_with_new_record(const discovery_mode& mode, context& at) {
    auto record = new_discovery(source_of(mode), at);
    if (!record)
        return report_database(record.error(), at.screen);
    const bool stores = !mode.ops.nonpersistent; // -o show keeps the source, not what it named
    std::optional<admin::record> earlier;
    if (stores)
        if (auto found = at.store.find_discovery(source_of(mode)); found && *found) {
            earlier = **std::move(found);
            report_bad_values(*earlier, at.screen);
            if (earlier->whole() == admin::wholeness::cut)
                return refuse_cut(at.screen);
            keep_user_settings(*earlier, *record);
            if (earlier->is_damaged()) // empty: there is nothing to go back to
                earlier.reset();
        }
    discovery_job job = job_of(mode, *std::move(record));
    job.use_record = job.changes.persistent;
    job.store_settings = stores;
    job.earlier = std::move(earlier);
    return discover(job, at);
}

// The stored record as it is; `discovery -t st` refreshes it from iscsid.conf each time.
exit_code discover_with_stored_record(const discovery_mode& mode, context& at) {
    const auto record = at.store.find_discovery(source_of(mode));
    if (!record)
        return report_database(record.error(), at.screen);
    if (*record)
        return discover(job_of(mode, **record), at);
    return mode.database ? discover_with_new_record(mode, at) : report_missing(mode, at.screen);
}

// `discovery` with -t always discovers, with a new record; without, it uses the stored record.
// The letters that change a stored record belong to discoverydb; open-iscsi refuses them here since
// it has that mode.
exit_code run_plain(const discovery_mode& mode, context& at) {
    if (mode.type)
        return discover_with_new_record(mode, at);
    if (const auto record = at.store.find_discovery(source_of(mode)); record && !*record)
        return report_missing(mode, at.screen);
    if (mode.ops.create || mode.ops.update) {
        return report_invalid(
            "Operations new and update for discovery mode is not supported. Use "
            "discoverydb mode.",
            at.screen
        );
    }
    if (mode.discover || mode.login)
        return discover_with_stored_record(mode, at);
    if (mode.ops.remove)
        return remove_discovery(mode, at);
    return is_list(mode.ops) ? show_discovery(mode, at)
                             : report_invalid("Invalid operation.", at.screen);
}

exit_code operate_on_record(const discovery_mode& mode, context& at) {
    const operations& ops = mode.ops;
    if (is_list(ops))
        return show_discovery(mode, at);
    if (ops == operations{.remove = true})
        return remove_discovery(mode, at);
    if (ops != operations{.update = true})
        return report_invalid("Operation is not supported.", at.screen);
    if (mode.changes.empty())
        return report_invalid("Update requires name and value.", at.screen);
    return update_discovery(mode, at);
}

// Only -D asks a portal: -l without it shows the record, as in open-iscsi, and changes nothing.
exit_code run_database(const discovery_mode& mode, context& at) {
    if (!mode.type)
        return report_invalid(
            mode.ops.none()
                ? "Invalid command. Portal not needed or Possibly missing discovery --type."
                : "Invalid command. Possibly missing discovery --type.",
            at.screen
        );
    if (mode.discover)
        return discover_with_stored_record(mode, at);
    if (mode.ops.create)
        return create_discovery(mode, at);
    if (const auto record = at.store.find_discovery(source_of(mode)); record && !*record)
        return report_missing(mode, at.screen);
    return operate_on_record(mode, at);
}

// Without an operation, or when asked to show, it is the list of all sources, also with -D and -l.
exit_code run_without_portal(const discovery_mode& mode, context& at) {
    if (mode.type)
        return report_invalid(
            mode.type == discovery_type::isns && !mode.database
                ? "Please specify portal as <ipaddr>:[<ipport>]" // so there
                : "Please specify portal as <ipaddr>[:<ipport>]",
            at.screen
        );
    if (is_list(mode.ops))
        return list_discoveries(mode, at);
    return report_invalid(
        mode.database ? "Invalid operation. Operation not supported." : "Invalid operation.",
        at.screen
    );
}

// Of firmware there is nothing to show without -D in discoverydb.
exit_code run_firmware(const discovery_mode& mode, context& at) {
    if (mode.database && !mode.discover)
        return report_invalid("Invalid command. Possibly missing --discover argument.", at.screen);
    return discover_firmware(mode, at);
}

} // namespace

exit_code run_discovery(const discovery_mode& mode, context& at) {
    // Firmware answers before the portal is looked at, whatever else stands on the line.
    if (mode.type == discovery_type::firmware)
        return run_firmware(mode, at);
    if (!mode.where)
        return run_without_portal(mode, at);
    return mode.database ? run_database(mode, at) : run_plain(mode, at);
}

} // namespace iscsi::cli
