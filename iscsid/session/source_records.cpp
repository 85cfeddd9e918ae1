#include "iscsid/session/source_records.hpp"

#include "libiscsi/admin/record_reader.hpp"
#include "libiscsi/admin/startup.hpp"
#include "libiscsi/discovery/node_writer.hpp"
#include "libiscsi/discovery/origin.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace iscsid::session {

namespace admin = iscsi::admin;
namespace discovery = iscsi::discovery;
using admin::exit_code;

namespace {

bool is_repeated(const admin::record& settings) {
    return settings.kind() == admin::record_kind::isns
               ? settings.get_boolean("discovery.isns.use_discoveryd")
               : settings.get_boolean("discovery.sendtargets.use_discoveryd");
}

std::chrono::seconds interval_of(const admin::record& settings) {
    return std::chrono::seconds(
        settings.kind() == admin::record_kind::isns
            ? settings.get_integer("discovery.isns.discoveryd_poll_inval")
            : settings.get_integer("discovery.sendtargets.discoveryd_poll_inval")
    );
}

failure of_database(const iscsi::fault& why) {
    return {exit_code::database, why.text()};
}

// Those of the filter, else all.
outcome<discovery::interface_choice>
choose_interfaces(const admin::record_store& records, const discovery::portal_filter& filter) {
    if (filter.interfaces().empty()) {
        auto all = discovery::all_interfaces(records);
        for (const auto& warning : all.warnings())
            spdlog::warn("{}", warning);
        return all;
    }
    discovery::interface_choice chosen;
    for (const auto& name : filter.interfaces()) {
        const auto interface = discovery::find_interface(records, name);
        if (!interface)
            chosen.leave_out(name, interface.error().text());
        else if (*interface && !(*interface)->bad_values().empty())
            chosen.leave_out(name, (*interface)->bad_values().front().why);
        else if (*interface)
            chosen.add(**interface);
    }
    for (const auto& warning : chosen.warnings())
        spdlog::warn("{}", warning);
    if (chosen.empty())
        return failure{
            exit_code::no_objects_found, "no interface of discovery.sendtargets.filter.interface"};
    return chosen;
}

bool is_of(const admin::record& node, const admin::discovery_id& source) {
    return std::ranges::all_of(discovery::origin_of(source), [&node](const auto& each) {
        return node.get(each.key) == each.value;
    });
}

// The record of the same path with another group tag.
std::optional<admin::record>
find_with_other_tag(const admin::record_store& records, const admin::node_id& id) {
    for (const int tag : known_group_tags(admin::record_tree(records.root()), id)) {
        auto other = id;
        other.group_tag = tag;
        auto found = records.find(other);
        if (tag != id.group_tag && found && *found && !(*found)->is_damaged())
            return **std::move(found);
    }
    return std::nullopt;
}

// All of it: what users have set, and where it comes from.
iscsi::result<void>
move_node(admin::record_edit& edit, admin::record node, const admin::node_id& to) {
    const auto from = id_of(node);
    if (auto selected = select_as(node, to); !selected)
        return selected;
    if (auto written = edit.write(node); !written)
        return written;
    return edit.remove(from);
}

// A portal has one group. Where a record says another one than the answer, that is followed when
// the record is of this source and no session is known by it, else the record is right. Each path
// is then there once, also when the answer has it twice.
iscsi::result<decltype(stored_answer::moved)> follow_group_tags(
    const admin::record_store& records,
    admin::record_edit& edit,
    const admin::discovery_id& source,
    poll_answer& answer
) {
    decltype(stored_answer::moved) moved;
    const std::set<admin::node_id> named(answer.found.begin(), answer.found.end());
    for (auto& id : answer.found) {
        const auto exact = records.find(id);
        if (id.group_tag < 0 || !exact || *exact)
            continue;
        auto other = find_with_other_tag(records, id);
        if (!other)
            continue;
        const auto from = id_of(*other);
        if (named.contains(from) || answer.in_use.contains(path_of(id)) || !is_of(*other, source)) {
            id = from;
            continue;
        }
        if (const auto done = move_node(edit, *std::move(other), id); !done)
            return done.error();
        moved.emplace_back(from, id);
    }
    std::set<admin::node_id> paths;
    std::erase_if(answer.found, [&paths](const auto& id) {
        return !paths.insert(path_of(id)).second;
    });
    return moved;
}

// What of the records of a source that an answer does not have is named no more.
std::vector<admin::node_id> gone_of(
    const std::vector<admin::node_id>& missing, const source_records& by, const poll_answer& answer
) {
    std::vector<admin::node_id> gone;
    if (answer.left_out.contains(""))
        return gone;
    const auto& asked = by.interfaces.names();
    std::set<admin::node_id> paths;
    for (const auto& id : answer.found)
        paths.insert(path_of(id));
    for (const auto& id : missing)
        if (!paths.contains(path_of(id)) && !answer.left_out.contains(id.target) &&
            std::ranges::find(asked, id.interface) != asked.end())
            gone.push_back(id);
    return gone;
}

} // namespace

admin::node_id path_of(admin::node_id node) {
    node.group_tag = -1;
    return node;
}

// One that cannot be read is not wanted: what it would say is not guessed at.
std::vector<repeated_source> repeated_sources(const admin::record_store& records) {
    std::vector<repeated_source> wanted;
    for (const auto& id : records.discoveries()) {
        const auto settings = records.find_discovery(id);
        if (settings && *settings && !(*settings)->is_damaged() && is_repeated(**settings))
            wanted.push_back({id, interval_of(**settings)});
    }
    return wanted;
}

outcome<std::optional<source_records>>
read_source(const admin::record_store& records, const admin::discovery_id& id) {
    using nothing = std::optional<source_records>;
    auto settings = records.find_discovery(id);
    if (!settings)
        return of_database(settings.error());
    if (!*settings || !is_repeated(**settings))
        return nothing();
    if (!(*settings)->bad_values().empty())
        return failure{exit_code::invalid, (*settings)->bad_values().front().why};
    auto filter = discovery::portal_filter::read(**settings);
    if (!filter)
        return failure{exit_code::invalid, filter.error().text()};
    auto interfaces = choose_interfaces(records, *filter);
    if (interfaces.has_error())
        return interfaces.error();
    return nothing({**std::move(settings), *std::move(filter), *std::move(interfaces)});
}

outcome<stored_answer> store_answer(
    admin::record_store& records,
    const source_records& by,
    poll_answer answer,
    const admin::record& node_template
) {
    auto edit = records.edit();
    if (!edit)
        return of_database(edit.error());
    const auto source = id_of_discovery(by.settings);
    auto moved = follow_group_tags(records, *edit, source, answer);
    if (!moved)
        return of_database(moved.error());
    constexpr discovery::changes allowed{.rewrite = false};
    discovery::node_writer writer(records, source, by.interfaces, allowed);
    auto plan = writer.plan(answer.found, *edit);
    if (!plan)
        return of_database(plan.error());
    const auto written = writer.write(plan->write, node_template, *edit);
    if (written.why)
        return of_database(*written.why);
    auto gone = gone_of(plan->remove, by, answer);
    stored_answer stored{
        std::move(answer.found), std::move(plan->write), {}, std::move(gone), *std::move(moved)};
    for (const auto& id : stored.found) {
        const auto record = records.find(id);
        if (record && *record && admin::has_startup(**record, "automatic"))
            stored.automatic.push_back(id);
    }
    return stored;
}

outcome<void> give_nodes(
    admin::record_store& records, const admin::discovery_id& from, const new_sources& nodes
) {
    auto edit = records.edit();
    if (!edit)
        return of_database(edit.error());
    for (const auto& [id, to] : nodes) {
        auto record = records.find(id);
        if (!record || !*record || !is_of(**record, from))
            continue;
        for (const auto& [key, value] : discovery::origin_of(to))
            if (const auto set = (*record)->assign(key, value); !set)
                return of_database(set.error());
        if (const auto written = edit->write(**record); !written)
            return of_database(written.error());
    }
    return {};
}

outcome<std::set<admin::node_id>>
remove_nodes(admin::record_store& records, const std::vector<admin::node_id>& nodes) {
    auto edit = records.edit();
    if (!edit)
        return of_database(edit.error());
    std::set<admin::node_id> kept;
    edit->begin_many(nodes.size());
    for (const auto& id : nodes) {
        const auto record = records.find(id);
        if (record && *record && !(*record)->user_keys().empty())
            kept.insert(id);
        else if (const auto removed = edit->remove(id); !removed)
            return of_database(removed.error());
    }
    if (const auto ended = edit->end_many(); !ended)
        return of_database(ended.error());
    return kept;
}

} // namespace iscsid::session
