#include "libiscsi/admin/configuration_check.hpp"

#include "libiscsi/admin/config.hpp"
#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/record_store.hpp"
#include "libiscsi/admin/record_tree.hpp"

namespace iscsi::admin {

namespace {

void check_config(const std::filesystem::path& file, configuration_findings& to) {
    const auto loaded = config::load(file);
    to.warnings = loaded.warnings();
    for (const auto& line : loaded.unknown_lines())
        to.warnings.push_back(
            at_line(
                {to_error_code(file_errc::bad_key), line.key, "", "a key of iscsid.conf(5)"},
                file.string(),
                line.number
            )
                .text() +
            "; the line is passed over"
        );
}

// A name that is to be made at the first start is as good as one.
void check_initiator_name(const std::filesystem::path& file, configuration_findings& to) {
    if (asks_for_a_name(file))
        return;
    const auto identity = load_initiator_identity(file);
    if (!identity)
        to.errors.push_back(identity.error().text());
    else
        to.warnings.insert(to.warnings.end(), identity->warnings.begin(), identity->warnings.end());
}

void take_bad_values(const record& from, configuration_findings& to) {
    for (const auto& bad : from.bad_values())
        to.errors.push_back(bad.why);
}

std::size_t take(const record_selection& found, configuration_findings& to) {
    for (const auto& why : found.unreadable)
        to.errors.push_back(why.text());
    std::size_t whole = 0;
    for (const auto& each : found.records) {
        take_bad_values(each, to);
        whole += each.is_damaged() ? 0U : 1U;
    }
    return whole;
}

// What is no folder is passed over without a word where records are read.
void check_folders(const record_tree& tree, configuration_findings& to) {
    std::error_code unused;
    for (const auto& branch :
         {tree.nodes(),
          tree.sources(source_kind::send_targets),
          tree.sources(source_kind::isns),
          tree.interfaces()})
        if (std::filesystem::exists(branch, unused) &&
            !std::filesystem::is_directory(branch, unused))
            to.errors.push_back(
                fault{to_error_code(file_errc::misplaced), branch, "", "a folder of records"}.text()
            );
    const auto targets = list_folder(tree.nodes());
    for (const auto& name : targets ? *targets : std::vector<std::string>())
        if (!std::filesystem::is_directory(tree.nodes() / name, unused))
            to.warnings.push_back(
                fault{to_error_code(file_errc::misplaced), tree.nodes() / name, "", "a folder"}
                    .text() +
                "; passed over"
            );
}

// Other files in this folder are nobody's: discoveries pass them over without a word.
void check_sources(const std::filesystem::path& folder, configuration_findings& to) {
    const auto names = list_folder(folder);
    if (!names) {
        to.errors.push_back(names.error().text());
        return;
    }
    for (const auto& name : *names)
        if (!parse_portal_name(name))
            to.warnings.push_back(
                fault{to_error_code(file_errc::misplaced), folder / name, "", "ADDRESS,PORT"}.text(
                ) +
                "; passed over"
            );
}

void check_discoveries(const record_store& records, configuration_findings& to) {
    for (const auto kind : source_kinds)
        check_sources(record_tree(records.root()).sources(kind), to);
    for (const auto& id : records.discoveries()) {
        const auto found = records.find_discovery(id);
        if (!found) {
            to.errors.push_back(found.error().text());
        } else if (*found) {
            to.discoveries += (*found)->is_damaged() ? 0U : 1U;
            take_bad_values(**found, to);
        }
    }
}

} // namespace

configuration_findings check_configuration(const checked_places& where) {
    configuration_findings found;
    check_config(where.config_file, found);
    check_initiator_name(where.initiator_name_file, found);
    const record_store records(where.database);
    check_folders(record_tree(records.root()), found);
    found.nodes = take(records.select({}), found);
    check_discoveries(records, found);
    found.interfaces = take(records.select_interfaces(), found);
    return found;
}

} // namespace iscsi::admin
