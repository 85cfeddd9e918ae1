#include "iscsiadm/modes/firmware.hpp"

#include "iscsiadm/modes/discover.hpp"
#include "iscsiadm/modes/login.hpp"
#include "iscsiadm/modes/records.hpp"
#include "iscsiadm/print/portals.hpp"
#include "iscsiadm/print/progress.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <set>

namespace iscsi::cli {

namespace {

constexpr std::string_view firmware_type = "fw"; // node.discovery_type

// A target of the firmware through an interface.
struct firmware_node {
    admin::node_id id;
    boot_target target;
    admin::record interface;
};

// The firmware knows no portal group; open-iscsi takes 1. Where the portal has records it is
// theirs, for that is the same portal.
admin::node_id id_of(const boot_target& target, const std::string& interface, const context& at) {
    admin::node_id id{target.name, target.portal_address, target.port, -1, interface};
    id.group_tag = at.store.known_group_tag(id);
    if (id.group_tag < 0)
        id.group_tag = 1;
    return id;
}

// Not those of offload adapters, which firmware binds to; the system finds the way.
std::vector<admin::record> interfaces_of(const std::vector<std::string>& names, context& at) {
    if (names.empty())
        return {built_in_interface("default")};
    std::vector<admin::record> found;
    for (const std::string& name : names)
        if (auto interface = find_named_interface(name, at))
            found.push_back(*std::move(interface));
    return found;
}

std::vector<firmware_node> nodes_of(
    const std::vector<boot_target>& targets,
    const std::vector<admin::record>& interfaces,
    const context& at
) {
    std::vector<firmware_node> nodes;
    std::set<admin::node_id> known;
    for (const admin::record& interface : interfaces)
        for (const boot_target& target : targets) {
            const auto id = id_of(target, interface.get("iface.iscsi_ifacename"), at);
            if (known.insert(id).second) // two network devices may lead to one portal
                nodes.push_back({id, target, interface});
        }
    return nodes;
}

std::vector<admin::node_id> ids_of_nodes(const std::vector<firmware_node>& nodes) {
    std::vector<admin::node_id> ids(nodes.size());
    std::ranges::transform(nodes, ids.begin(), &firmware_node::id);
    return ids;
}

// Secrets of iscsid.conf are for other targets: what the firmware does not tell is empty.
result<void> add_firmware(const boot_target& target, admin::record& node) {
    const std::vector<admin::assignment> settings{
        {"node.startup", "onboot"},
        {"node.conn[0].startup", "onboot"},
        {"node.discovery_type", std::string(firmware_type)},
        {"node.session.auth.authmethod", target.password.empty() ? "None" : "CHAP"},
        {"node.session.auth.username", target.user},
        {"node.session.auth.password", target.password},
        {"node.session.auth.username_in", target.user_in},
        {"node.session.auth.password_in", target.password_in}};
    for (const auto& [key, value] : settings)
        if (auto set = node.assign(key, value); !set)
            return set;
    if (node.get("iface.initiatorname").empty())
        return node.assign("iface.initiatorname", target.initiator_name);
    return {};
}

result<admin::record> record_of(const firmware_node& of, context& at) {
    auto node = make_node(load_config(at).new_node(), of.id, of.interface);
    if (!node)
        return node;
    if (const auto added = add_firmware(of.target, *node); !added)
        return added.error();
    return node;
}

bool is_of_firmware(const admin::record& node) {
    return node.get("node.discovery_type") == firmware_type;
}

// ---- discovery -t fw ----

// What was found, written as the operations allow; the steps in the order of run().
class firmware_discovery {
  public:
    firmware_discovery(const discovery_mode& mode, context& at)
        : mode_(mode), changes_(changes_of(mode.ops)), at_(at) {}

    exit_code run();

  private:
    exit_code store();
    discovery::stored_records stored();
    exit_code write(const std::vector<admin::node_id>& ids, admin::record_edit& edit);
    exit_code log_in_to_found();
    exit_code log_in_without_records();
    exit_code write_missing(std::vector<admin::node_id>& made);

    const discovery_mode& mode_;
    discovery::changes changes_;
    context& at_;
    std::vector<firmware_node> found_;
};

exit_code firmware_discovery::run() {
    const int level = mode_.print_level.value_or(0);
    if (level > 1)
        return report_bad_level(level, "0 or 1", at_.screen);
    at_.out.show(opened{document_kind::discovery});
    const auto targets = firmware_targets(at_);
    if (targets.empty())
        return exit_code::no_objects_found;
    found_ = nodes_of(targets, interfaces_of(mode_.interfaces, at_), at_);
    if (found_.empty())
        return exit_code::no_objects_found;
    first_failure failure;
    if (changes_.persistent)
        failure.add(store());
    at_.out.show(found_nodes{ids_of_nodes(found_), level});
    if (mode_.login && failure.code() == exit_code::success)
        failure.add(changes_.persistent ? log_in_to_found() : log_in_without_records());
    return failure.code();
}

// Under one lock from the first look to the last record.
exit_code firmware_discovery::store() {
    const auto sessions = changes_.remove_gone ? sessions_if_running(at_)
                                               : result<std::vector<admin::session_info>>();
    if (!sessions)
        return report_call(sessions.error(), at_.screen);
    auto edit = at_.store.edit();
    if (!edit)
        return report_database(edit.error(), at_.screen);
    const auto plan = discovery::plan_records(ids_of_nodes(found_), stored(), changes_);
    if (const auto written = write(plan.write, *edit); written != exit_code::success)
        return written;
    return remove_gone(plan.remove, *sessions, *edit, at_);
}

// One that cannot be read is there, too.
discovery::stored_records firmware_discovery::stored() {
    discovery::stored_records there;
    for (const firmware_node& node : found_) {
        const auto record = at_.store.find(node.id);
        if (!record || *record)
            there.present.insert(node.id);
    }
    for (const admin::record& node : at_.store.select({}).records)
        if (is_of_firmware(node))
            there.earlier.push_back(id_of(node));
    return there;
}

// What somebody else has made of such a node stays his, unless -o update asks for it.
exit_code
firmware_discovery::write(const std::vector<admin::node_id>& ids, admin::record_edit& edit) {
    for (const firmware_node& node : found_) {
        if (std::ranges::find(ids, node.id) == ids.end())
            continue;
        const auto before = at_.store.find(node.id);
        const bool is_kept = changes_.keep_edits && before && *before;
        if (is_kept && !is_of_firmware(**before))
            continue;
        auto record = record_of(node, at_);
        if (!record)
            return report_database(record.error(), at_.screen);
        if (is_kept)
            keep_user_settings(**before, *record);
        if (const auto written = edit.write(*record); !written)
            return report_database(written.error(), at_.screen);
    }
    return exit_code::success;
}

exit_code firmware_discovery::log_in_to_found() {
    return log_in_to_recorded(ids_of_nodes(found_), at_);
}

// The daemon logs in by records: those that are missing are there for as long as that lasts.
exit_code firmware_discovery::log_in_without_records() {
    std::vector<admin::node_id> made;
    first_failure failure;
    failure.add(write_missing(made));
    if (failure.code() == exit_code::success)
        failure.add(log_in_to_found());
    auto edit = at_.store.edit();
    if (!edit) {
        failure.add(report_database(edit.error(), at_.screen));
        return failure.code();
    }
    failure.add(remove_gone(made, {}, *edit, at_));
    return failure.code();
}

exit_code firmware_discovery::write_missing(std::vector<admin::node_id>& made) {
    auto edit = at_.store.edit();
    if (!edit)
        return report_database(edit.error(), at_.screen);
    const auto present = stored().present;
    for (const firmware_node& node : found_)
        if (!present.contains(node.id))
            made.push_back(node.id);
    return write(made, *edit);
}

// ---- fw -l ----

// The network may come up after this is called, so a login is tried for longer than by iscsid.conf.
constexpr std::string_view boot_login_retries = "30";

// The record to log in by: the firmware's, or the one of somebody else that is there.
result<admin::record> record_to_log_in(const firmware_node& of, context& at) {
    auto stored = at.store.find(of.id);
    if (!stored)
        return stored.error();
    if (*stored && !is_of_firmware(**stored))
        return **std::move(stored);
    auto node = record_of(of, at);
    if (!node)
        return node;
    if (auto set = node->assign("node.session.initial_login_retry_max", boot_login_retries); !set)
        return set.error();
    if (*stored)
        keep_user_settings(**stored, *node);
    return node;
}

// All of them or none: a change that is refused leaves the records as they are.
exit_code write_records(
    const std::vector<firmware_node>& found,
    const assignments& changes,
    std::vector<admin::record>& nodes,
    context& at
) {
    auto edit = at.store.edit();
    if (!edit)
        return report_database(edit.error(), at.screen);
    for (const firmware_node& each : found) {
        auto node = record_to_log_in(each, at);
        if (!node)
            return report_database(node.error(), at.screen);
        if (!changes.empty() && !is_of_firmware(*node))
            return report_invalid(
                fmt::format(
                    "-n and -v are for records of the firmware; [{}] is none", record_words(each.id)
                ),
                at.screen
            );
        if (const auto code = apply_changes(*node, changes, at.screen); code != exit_code::success)
            return code;
        nodes.push_back(*std::move(node));
    }
    for (const admin::record& node : nodes)
        if (is_of_firmware(node))
            if (const auto written = edit->write(node); !written)
                return report_database(written.error(), at.screen);
    return exit_code::success;
}

// Those that have all of their sessions are passed over: that is no failure here.
void leave_out_satisfied(std::vector<admin::record>& nodes, context& at) {
    const auto sessions = at.daemon.list_sessions();
    if (!sessions)
        return; // log_in() tells of each
    const auto plan = plan_logins(nodes, *sessions);
    std::vector<admin::record> left;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (!plan[i].satisfied()) {
            left.push_back(nodes[i]);
            continue;
        }
        at.screen.explain(already_present(plan[i].node, plan[i].requested, plan[i].present));
        at.out.show(login_end{plan[i].node, login_outcome::present, exit_code::success, 0, "", {}});
    }
    nodes = std::move(left);
}

} // namespace

std::vector<boot_target> firmware_targets(context& at) {
    boot_firmware found = read_ibft(at.sysfs);
    for (const std::string& warning : found.warnings)
        at.screen.complain(warning);
    if (found.targets.empty())
        at.screen.complain("Could not get list of targets from firmware. (err 21)");
    return std::move(found.targets);
}

exit_code discover_firmware(const discovery_mode& mode, context& at) {
    return firmware_discovery(mode, at).run();
}

exit_code log_in_to_firmware(const fw_mode& mode, context& at) {
    at.out.show(opened{document_kind::logins});
    const auto targets = firmware_targets(at);
    if (targets.empty())
        return exit_code::no_objects_found;
    if (const auto code = check_node_changes(mode.changes, at.screen); code != exit_code::success)
        return code;
    std::vector<admin::record> nodes;
    const auto found = nodes_of(targets, interfaces_of({}, at), at);
    if (const auto code = write_records(found, mode.changes, nodes, at); code != exit_code::success)
        return code;
    leave_out_satisfied(nodes, at);
    login_manner how;
    how.wait = mode.wait;
    return nodes.empty() ? exit_code::success : log_in(nodes, how, at);
}

} // namespace iscsi::cli
