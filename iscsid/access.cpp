#include "iscsid/access.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <grp.h>
#include <unistd.h>

#include <charconv>

namespace iscsid {

namespace admin = iscsi::admin;

namespace {

// Nobody: no name, or no such group.
std::optional<gid_t> find_group(const std::string& name) {
    const auto* entry =
        name.empty() ? nullptr : ::getgrnam(name.c_str()); // NOLINT(concurrency-mt-unsafe)
    return entry == nullptr ? std::nullopt : std::optional<gid_t>(entry->gr_gid);
}

// "" when the group is there, or none is named.
std::string missing_group(const admin::config& config, admin::setting_key key) {
    const auto name = config.daemon_value(key);
    if (name.empty() || find_group(name))
        return {};
    return fmt::format("{} = {}: there is no such group", key.name(), name);
}

constexpr const char* instead = ", root alone is meant";

std::optional<gid_t> group_or_warning(const admin::config& config, admin::setting_key key) {
    if (const auto missing = missing_group(config, key); !missing.empty())
        spdlog::warn("{}{}", missing, instead);
    return find_group(config.daemon_value(key));
}

} // namespace

std::optional<gid_t> asking_group(const admin::config& config) {
    return group_or_warning(config, "iscsid.ipc_group");
}

// Without a group the mode's bits for it are meant for nobody.
disk::socket_access export_access(const admin::config& config) {
    constexpr int octal = 8;
    const std::string text = config.daemon_value("iscsid.export_mode");
    disk::socket_access access;
    std::from_chars(text.data(), text.data() + text.size(), access.mode, octal);
    const auto group = group_or_warning(config, "iscsid.export_group");
    access.group = group.value_or(::getegid());
    constexpr mode_t of_owner = 0600;
    constexpr mode_t of_everybody = 0666;
    if (!group && access.mode != of_everybody)
        access.mode = of_owner;
    return access;
}

missing_groups find_missing_groups(const admin::config& config) {
    missing_groups found;
    if (auto missing = missing_group(config, "iscsid.ipc_group"); !missing.empty())
        found.errors.push_back(std::move(missing));
    if (auto missing = missing_group(config, "iscsid.export_group"); !missing.empty())
        found.warnings.push_back(missing + instead);
    return found;
}

} // namespace iscsid
