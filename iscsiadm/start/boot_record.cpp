#include "iscsiadm/start/boot_record.hpp"

#include "libiscsi/admin/setting.hpp"
#include "libiscsi/discovery/interfaces.hpp"
#include "libiscsi/names/iscsi_name.hpp"

namespace iscsi::start {

namespace {

constexpr int unknown_tag_of_firmware = 1; // as open-iscsi takes it
constexpr std::string_view firmware_retries = "30";

using assignments = std::vector<admin::assignment>;

result<void> assign_all(admin::record& to, const assignments& settings) {
    for (const auto& [key, value] : settings)
        if (auto set = to.assign(key, value); !set)
            return set;
    return {};
}

// A name that has no row would be kept as the line of another version, and do nothing.
result<void> take_parameters(admin::record& to, const request& wanted) {
    for (const auto& [name, value] : wanted.parameters) {
        if (admin::find_setting(admin::record_kind::node, name) == nullptr)
            return fault{
                to_error_code(admin::setting_errc::unknown_name),
                "--param",
                name,
                "a setting of node records"};
        if (auto set = to.set(name, value); !set)
            return set;
    }
    return {};
}

result<admin::record> finished(
    const admin::node_id& id,
    assignments settings,
    const request& wanted,
    const admin::config& config
) {
    auto node =
        discovery::make_node(config.new_node(), id, discovery::built_in_interface("default"));
    if (!node)
        return node;
    settings.push_back({"node.startup", "onboot"});
    settings.push_back({"node.conn[0].startup", "onboot"});
    if (auto set = assign_all(*node, settings); !set)
        return set.error();
    if (auto set = take_parameters(*node, wanted); !set)
        return set.error();
    if (auto named = check_iscsi_name(wanted.initiator_name);
        !named && !wanted.initiator_name.empty())
        return named.error();
    return node;
}

} // namespace

result<admin::record> record_of(const request& wanted, const admin::config& config) {
    assignments settings{{"iface.initiatorname", wanted.initiator_name}};
    if (!wanted.user.empty() || !wanted.password.empty()) {
        settings.push_back({"node.session.auth.authmethod", "CHAP"});
        settings.push_back({"node.session.auth.username", wanted.user});
        settings.push_back({"node.session.auth.password", wanted.password});
        settings.push_back({"node.session.auth.username_in", wanted.user_in});
        settings.push_back({"node.session.auth.password_in", wanted.password_in});
    }
    const admin::node_id id{
        wanted.target, wanted.address, wanted.port, wanted.group_tag, "default"};
    return finished(id, std::move(settings), wanted, config);
}

result<admin::record>
record_of(const cli::boot_target& target, const request& wanted, const admin::config& config) {
    const auto& name = target.initiator_name;
    assignments settings{
        {"iface.initiatorname", name.empty() ? wanted.initiator_name : name},
        {"node.discovery_type", "fw"},
        {"node.session.initial_login_retry_max", std::string(firmware_retries)},
        {"node.session.auth.authmethod", target.password.empty() ? "None" : "CHAP"},
        {"node.session.auth.username", target.user},
        {"node.session.auth.password", target.password},
        {"node.session.auth.username_in", target.user_in},
        {"node.session.auth.password_in", target.password_in}};
    const admin::node_id id{
        target.name, target.portal_address, target.port, unknown_tag_of_firmware, "default"};
    return finished(id, std::move(settings), wanted, config);
}

} // namespace iscsi::start
