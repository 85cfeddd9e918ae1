#include "iscsid/check.hpp"

#include "iscsid/access.hpp"
#include "iscsid/isid_seed.hpp"
#include "iscsid/session/login_plan.hpp"
#include "iscsid/session/secret_file.hpp"
#include "iscsid/sys/privileges.hpp"

#include "libiscsi/admin/configuration_check.hpp"
#include "libiscsi/admin/exit_code.hpp"
#include "libiscsi/admin/record_store.hpp"
#include "libiscsi/core/login/phases.hpp"
#include "libiscsi/discovery/portal_filter.hpp"

#include <boost/system/error_code.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string_view>
#include <utility>
#include <vector>

namespace iscsid {

namespace admin = iscsi::admin;
using admin::exit_code;

namespace {

// A file that is named must be there; the usual one need not. What this user may not read is not
// checked, and the daemon may read it.
void check_file(
    const std::filesystem::path& file, bool is_named, admin::configuration_findings& to
) {
    if (::access(file.c_str(), R_OK) == 0 || (errno == ENOENT && !is_named))
        return;
    const auto why = boost::system::system_category().message(errno);
    to.errors.push_back(
        fmt::format("{}: {}", file.string(), errno == ENOENT ? "not found" : "not checked: " + why)
    );
}

// What the login would refuse, and a word that is not heard.
void check_chap(
    const std::string& place,
    const admin::record& node,
    const iscsi::auth_config& auth,
    admin::configuration_findings& to
) {
    if (!iscsi::is_chap_configured(auth)) {
        if (node.get("node.session.auth.authmethod") == "CHAP")
            to.warnings.push_back(
                place + ": node.session.auth.authmethod: a password switches CHAP on, got none"
            );
    } else if (const auto usable = iscsi::check_credentials(auth); usable.has_error()) {
        to.errors.push_back(place + ": node.session.auth: " + usable.error().text());
    }
}

// Who checks is not the unit of the daemon, and has none of its credentials.
bool needs_unit(const iscsi::fault& why) {
    return why.code == iscsi::to_error_code(session::secret_errc::no_credentials);
}

// False: there is nothing to look at further.
bool check_secret_files(
    const std::string& place,
    const admin::record& of,
    iscsi::auth_config& auth,
    admin::configuration_findings& to
) {
    const auto read = session::read_secret_files(
        of,
        session::usual_secret_places(
            std::make_shared<session::bounded_read>(session::patience_with_secrets)
        ),
        auth
    );
    if (read.has_value())
        return true;
    if (needs_unit(read.error()))
        to.warnings.push_back(fmt::format(
            "{}: {}: not checked: '{}' is a credential of systemd, which only iscsid.service has",
            place,
            read.error().field,
            read.error().got
        ));
    else
        to.errors.push_back(place + ": " + read.error().text());
    return false;
}

void check_discovery_secrets(
    const admin::record_store& records,
    const admin::record_tree& tree,
    admin::configuration_findings& to
) {
    for (const auto& id : records.discoveries()) {
        const auto found = records.find_discovery(id);
        iscsi::auth_config ignored;
        if (found.has_value() && found->has_value())
            check_secret_files(tree.discovery(id).string(), **found, ignored, to);
    }
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
        const auto place = place_of(tree, id_of(node)).string();
        auto plan = session::plan_login(node, identity, 0);
        if (plan.has_error())
            to.errors.push_back(place + ": " + plan.error().text());
        else if (check_secret_files(place, node, plan->session.auth, to))
            check_chap(place, node, plan->session.auth, to);
    }
    check_discovery_secrets(records, tree, to);
}

void check_groups(const std::filesystem::path& config_file, admin::configuration_findings& to) {
    auto missing = find_missing_groups(admin::config::load(config_file));
    for (auto& line : missing.errors)
        to.errors.push_back(config_file.string() + ": " + std::move(line));
    for (auto& line : missing.warnings)
        to.warnings.push_back(config_file.string() + ": " + std::move(line));
}

// A daemon that root starts here has what root has here. What another user has says nothing of it.
std::vector<std::string> notes_of_privileges() {
    std::vector<std::string> notes;
    if (::geteuid() == 0)
        for (auto& each : sys::missing_privileges())
            notes.push_back(std::move(each.words));
    return notes;
}

std::string counted(std::size_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// False: nobody can read it.
bool print(
    const admin::configuration_findings& found,
    const std::vector<std::string>& notes,
    const admin::checked_places& where
) {
    std::string text;
    for (const auto& line : found.errors)
        text += "error: " + line + "\n";
    for (const auto& line : found.warnings)
        text += "warning: " + line + "\n";
    for (const auto& line : notes)
        text += "note: " + line + "\n";
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
    return std::fputs(text.c_str(), stdout) != EOF && std::fflush(stdout) == 0;
}

} // namespace

int check_configuration(const daemon_options& options) {
    const admin::checked_places where{
        options.config_file.value_or(options.where.config_file()),
        options.initiator_name_file.value_or(options.where.initiator_name_file()),
        options.where.database};
    auto found = admin::check_configuration(where);
    check_file(where.config_file, options.config_file.has_value(), found);
    check_file(where.initiator_name_file, options.initiator_name_file.has_value(), found);
    check_groups(where.config_file, found);
    if (const auto good = iscsi::discovery::check_filter_of(where.config_file); !good)
        found.errors.push_back(good.error().text());
    if (auto fault = fault_of_isid_seed(where.database))
        found.warnings.push_back(*std::move(fault));
    if (const auto identity = admin::load_initiator_identity(where.initiator_name_file))
        check_plans(where, *identity, found);
    if (!print(found, notes_of_privileges(), where)) {
        fmt::print(stderr, "iscsid: the findings cannot be printed\n");
        return static_cast<int>(exit_code::error);
    }
    if (!found.errors.empty())
        return static_cast<int>(exit_code::database);
    return static_cast<int>(found.warnings.empty() ? exit_code::success : exit_code::error);
}

} // namespace iscsid
