#include "iscsid/check.hpp"

#include "iscsid/access.hpp"
#include "iscsid/session/login_plan.hpp"

#include "libiscsi/admin/configuration_check.hpp"
#include "libiscsi/admin/exit_code.hpp"
#include "libiscsi/admin/record_store.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <string_view>

namespace iscsid {

namespace admin = iscsi::admin;
using admin::exit_code;

namespace {

// A file that is named must be there; the usual one need not.
void check_named_file(
    const std::optional<std::filesystem::path>& file, admin::configuration_findings& to
) {
    std::error_code unused;
    if (file && !std::filesystem::exists(*file, unused))
        to.errors.push_back(file->string() + ": not found");
}

// Records that are good by themselves and yet cannot be logged in with.
void check_plans(
    const admin::checked_places& where,
    const admin::initiator_identity& identity,
    admin::configuration_findings& to
) {
    const admin::record_store records(where.database);
    const admin::record_tree tree(records.root());
    for (const auto& node : records.select({}).records) {
        if (!node.bad_values().empty())
            continue; // which has been told
        const auto plan = session::plan_login(node, identity, 0);
        if (plan.has_error())
            to.errors.push_back(place_of(tree, id_of(node)).string() + ": " + plan.error().text());
    }
}

void check_groups(const std::filesystem::path& config_file, admin::configuration_findings& to) {
    auto missing = find_missing_groups(admin::config::load(config_file));
    for (auto& line : missing.errors)
        to.errors.push_back(config_file.string() + ": " + std::move(line));
    for (auto& line : missing.warnings)
        to.warnings.push_back(config_file.string() + ": " + std::move(line));
}

std::string counted(std::size_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

void print(const admin::configuration_findings& found, const admin::checked_places& where) {
    std::string text;
    for (const auto& line : found.errors)
        text += "error: " + line + "\n";
    for (const auto& line : found.warnings)
        text += "warning: " + line + "\n";
    text += fmt::format(
        "{}, {}: {}, {}, and {}, {}, {} in {}\n",
        counted(found.errors.size(), "error"),
        counted(found.warnings.size(), "warning"),
        where.config_file.string(),
        where.initiator_name_file.string(),
        counted(found.nodes, "node"),
        found.discoveries == 1 ? "1 discovery" : fmt::format("{} discoveries", found.discoveries),
        counted(found.interfaces, "interface"),
        where.database.string()
    );
    static_cast<void>(std::fputs(text.c_str(), stdout));
}

} // namespace

int check_configuration(const daemon_options& options) {
    const admin::checked_places where{
        options.config_file.value_or(options.where.config_file()),
        options.initiator_name_file.value_or(options.where.initiator_name_file()),
        options.where.database};
    auto found = admin::check_configuration(where);
    check_named_file(options.config_file, found);
    check_groups(where.config_file, found);
    if (const auto identity = admin::load_initiator_identity(where.initiator_name_file))
        check_plans(where, *identity, found);
    print(found, where);
    if (!found.errors.empty())
        return static_cast<int>(exit_code::database);
    return static_cast<int>(found.warnings.empty() ? exit_code::success : exit_code::error);
}

} // namespace iscsid
