#include "iscsid/session/source_records.hpp"

#include "libiscsi/discovery/node_writer.hpp"

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
        if (!all)
            return of_database(all.error());
        return *std::move(all);
    }
    discovery::interface_choice chosen;
    for (const auto& name : filter.interfaces()) {
        const auto interface = discovery::find_interface(records, name);
        if (!interface)
            return of_database(interface.error());
        if (*interface)
            chosen.add(**interface);
    }
    if (chosen.empty())
        return failure{
            exit_code::no_objects_found, "no interface of discovery.sendtargets.filter.interface"};
    return chosen;
}

// As open-iscsi has it: either of the two settings is enough.
bool starts_by_itself(const admin::record& node) {
    return node.get("node.startup") == "automatic" ||
           node.get("node.conn[0].startup") == "automatic";
}

} // namespace

// One that cannot be read is not wanted: what it would say is not guessed at.
std::vector<repeated_source> repeated_sources(const admin::record_store& records) {
    std::vector<repeated_source> wanted;
    for (const auto& id : records.discoveries()) {
        const auto settings = records.find_discovery(id);
        if (settings && *settings && is_repeated(**settings))
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
    std::vector<admin::node_id> found,
    const admin::record& node_template
) {
    auto edit = records.edit();
    if (!edit)
        return of_database(edit.error());
    constexpr discovery::changes allowed{.rewrite = false};
    discovery::node_writer writer(records, id_of_discovery(by.settings), by.interfaces, allowed);
    auto plan = writer.plan(found, *edit);
    if (!plan)
        return of_database(plan.error());
    const auto written = writer.write(plan->write, node_template, *edit);
    if (written.why)
        return of_database(*written.why);
    stored_answer stored{std::move(found), std::move(plan->write), {}, std::move(plan->remove)};
    for (const auto& id : stored.found) {
        const auto record = records.find(id);
        if (record && *record && starts_by_itself(**record))
            stored.automatic.push_back(id);
    }
    return stored;
}

outcome<void> remove_nodes(admin::record_store& records, const std::vector<admin::node_id>& nodes) {
    auto edit = records.edit();
    if (!edit)
        return of_database(edit.error());
    edit->begin_many(nodes.size());
    for (const auto& id : nodes)
        if (const auto removed = edit->remove(id); !removed)
            return of_database(removed.error());
    if (const auto ended = edit->end_many(); !ended)
        return of_database(ended.error());
    return {};
}

} // namespace iscsid::session
