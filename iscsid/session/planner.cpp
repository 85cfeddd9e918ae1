#include "iscsid/session/planner.hpp"

#include "iscsid/session/isid.hpp"
#include "iscsid/session/negotiation_report.hpp"
#include "iscsid/session/secret_file.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace iscsid::session {

namespace admin = iscsi::admin;
using admin::exit_code;

namespace {

failure failure_of_plan(const iscsi::fault& why) {
    const bool no_name = why.code == iscsi::to_error_code(plan_errc::no_initiator_name);
    const bool transport = why.code == iscsi::to_error_code(plan_errc::transport_not_supported);
    const auto code = no_name     ? exit_code::login
                      : transport ? exit_code::transport_not_found
                                  : exit_code::invalid;
    return {code, why.text()};
}

// As if the target had refused the secret: trying again is no use. Two secrets are a bad record.
failure failure_of_secret(const iscsi::fault& why) {
    const bool twice = why.code == iscsi::to_error_code(secret_errc::two_sources);
    return {twice ? exit_code::invalid : exit_code::login_auth_failed, why.text()};
}

iscsi::result<void> read_secrets(
    const admin::record& of, const std::shared_ptr<bounded_read>& reads, iscsi::auth_config& to
) {
    return read_secret_files(of, usual_secret_places(reads), to);
}

admin::node_id node_of(const device::disk_state& left) {
    return {
        left.target, left.portal_address, left.portal_port, left.portal_group_tag, left.interface};
}

} // namespace

planner::planner(const environment& with, current_settings settings)
    : records_(with.records, with.records_in_memory, with.readers)
    , registrations_(std::make_shared<isns_registrations>(with.where.control))
    , polls_(std::make_shared<busy_poll>()) {
    use(std::move(settings));
}

void planner::use(current_settings settings) {
    settings_ = std::move(settings);
    polls_->use(static_cast<std::uint32_t>(settings_.config.daemon_integer("iscsid.busy_poll")));
}

outcome<login_plan> planner::plan_login(const admin::record& node, unsigned index) const {
    auto plan = plan_without_files(node, index);
    if (plan.has_error())
        return plan;
    const auto secrets = read_secrets(node, secret_reads_, plan->session.auth);
    if (secrets.has_error())
        return failure_of_secret(secrets.error());
    records_.remember(node);
    return plan;
}

outcome<login_plan> planner::plan_without_files(const admin::record& node, unsigned index) const {
    auto plan = session::plan_login(node, settings_.identity, index);
    if (plan.has_error())
        return failure_of_plan(plan.error());
    plan->session.auth.watch = challenges_;
    plan->session.replay_barrier =
        replay_barrier_of(settings_.config.daemon_value("iscsid.replay_barrier"));
    plan->session.negotiation = negotiation();
    plan->polls = polls_;
    return *std::move(plan);
}

iscsi::negotiation_mode planner::negotiation() const {
    return negotiation_mode_of(settings_.config.daemon_value("iscsid.strict_negotiation"));
}

// With the ISID that its target knows, from before there were seeds or with another seed: under
// another one the target would not end the tasks of the old session. What fits to nothing that is
// known may be that of another initiator name.
outcome<login_plan> planner::plan_again(const device::disk_state& left) const {
    auto plan = plan_left(left);
    if (plan.has_error())
        return plan;
    const auto of_now = plan->session.isid;
    const auto of_then = make_isid(plan->session.initiator_name, plan->node, left.index);
    plan->session.isid = isid_of(left.isid).value_or(of_now);
    plan->may_be_unknown = plan->session.isid != of_now && plan->session.isid != of_then;
    return plan;
}

outcome<login_plan> planner::plan_left(const device::disk_state& left) const {
    const auto node = node_of(left);
    const auto record = records_.left_record(node);
    if (record.has_value()) {
        for (const auto& bad : record->bad_values())
            spdlog::warn("{}; its disk goes on with the default", bad.why);
        return plan_on(*record, left.index);
    }
    spdlog::warn(
        "{} at {}: its record is not there ({}), the settings of iscsid.conf hold",
        left.target,
        left.portal_address,
        record.error().reason
    );
    return plan_on(template_for(node), left.index);
}

// Its users wait, and the file may be there again before replacement_timeout is over.
outcome<login_plan> planner::plan_on(const admin::record& node, unsigned index) const {
    auto plan = plan_without_files(node, index);
    if (plan.has_error())
        return plan;
    const auto secrets = read_secrets(node, secret_reads_, plan->session.auth);
    if (secrets.has_error())
        spdlog::error(
            "no login to {} before its secret is there ({}) and the session has been told of it "
            "(iscsiadm -m session -r SID -o update)",
            node.get("node.name"),
            secrets.error().text()
        );
    return plan;
}

admin::record planner::template_for(const admin::node_id& node) const {
    auto record = settings_.config.new_node();
    static_cast<void>(select_as(record, node));
    return record;
}

outcome<discovery_plan>
planner::plan_discovery(const discovery_request& what, const discovery_records& read) const {
    if (read.settings.has_error())
        return read.settings.error();
    if (read.interface.has_error())
        return read.interface.error();
    auto plan =
        plan_discovery(what.use_record ? *read.settings : settings_for(what), *read.interface);
    if (!plan.has_error())
        set_isid(*plan, "discovery", discoveries_++, settings_.identity.isid_seed);
    return plan;
}

outcome<discovery_plan>
planner::plan_discovery(const admin::record& settings, const admin::record& interface) const {
    auto plan = session::plan_discovery(settings, interface, settings_.identity);
    if (plan.has_error())
        return failure{
            exit_code::daemon_not_connected, "Cannot perform discovery. Initiatorname required."};
    if (plan->kind == admin::source_kind::isns) { // nobody logs in
        plan->registrations = registrations_;
        return *std::move(plan);
    }
    const auto secrets = read_secrets(settings, secret_reads_, plan->session.auth);
    if (secrets.has_error())
        return failure_of_secret(secrets.error());
    plan->session.auth.watch = challenges_;
    plan->session.negotiation = negotiation();
    return *std::move(plan);
}

admin::record planner::settings_for(const discovery_request& what) const {
    auto record = what.kind == admin::source_kind::isns ? settings_.config.new_isns()
                                                        : settings_.config.new_send_targets();
    static_cast<void>(record.assign("discovery.sendtargets.address", what.address));
    static_cast<void>(record.assign("discovery.sendtargets.port", std::to_string(what.port)));
    return record;
}

} // namespace iscsid::session
