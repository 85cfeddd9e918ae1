#include "libiscsi/admin/config.hpp"

#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/setting_meant.hpp"
#include "libiscsi/admin/words.hpp"
#include "libiscsi/names/characters.hpp"
#include "libiscsi/names/iscsi_name.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace iscsi::admin {

namespace {

std::filesystem::path path_from_environment(const char* name, std::filesystem::path fallback) {
    const char* const value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): nobody sets it
    return value == nullptr || *value == '\0' ? std::move(fallback) : std::filesystem::path(value);
}

// Keys that iscsid.conf may set: those of a record that do not select it, and the daemon's own.
// Keys that select a record would make every new record the same one; open-iscsi ignores them in
// this file, too.
bool is_template_key(const setting* row) {
    return row != nullptr && row->writable;
}

// The place of the first line is kept: only the value is replaced.
void put(key_values& values, std::string_view name, std::string value) {
    const auto same = [name](const auto& entry) { return entry.first == name; };
    const auto earlier = std::find_if(values.begin(), values.end(), same);
    if (earlier == values.end())
        values.emplace_back(name, std::move(value));
    else
        earlier->second = std::move(value);
}

// The values were checked when the file was read, so set() cannot refuse them.
// Keys of other kinds of records are passed over: one file is the template for all of them.
record filled(record_kind kind, const key_values& values) {
    record made(kind);
    for (const auto& [name, value] : values)
        if (find_setting(kind, name) != nullptr)
            static_cast<void>(made.set(name, value));
    return made;
}

std::string value_or(const key_values& values, const setting& row) {
    for (const auto& [name, value] : values)
        if (name == row.name)
            return value;
    return std::string(row.fallback);
}

// What becomes of a line that is not right.
const char* outcome_of(const fault& flaw) {
    return flaw.code == to_error_code(file_errc::truncated) ? "; taken as it stands"
                                                            : "; the line is passed over";
}

// The kernel's name without a domain; an alias need not be unique.
std::string host_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0)
        return "";
    return name.data();
}

const setting_line* find(const std::vector<setting_line>& lines, std::string_view key) {
    const auto found = std::find_if(lines.begin(), lines.end(), [key](const auto& line) {
        return same_but_for_case(line.key, key);
    });
    return found == lines.end() ? nullptr : &*found;
}

bool has_entries(const std::filesystem::path& folder) {
    std::error_code unused;
    return std::filesystem::directory_iterator(folder, unused) !=
           std::filesystem::directory_iterator();
}

// Interfaces alone are no reason to look elsewhere.
bool has_records(const std::filesystem::path& root) {
    return has_entries(root / "nodes") || has_entries(root / "send_targets") ||
           has_entries(root / "isns");
}

// Folders of its own, not links to where records are now.
bool has_own_records(const std::filesystem::path& root) {
    const auto has_own = [](const std::filesystem::path& folder) {
        std::error_code unused;
        return !std::filesystem::is_symlink(folder, unused) && has_entries(folder);
    };
    return has_own(root / "nodes") || has_own(root / "send_targets") || has_own(root / "isns");
}

} // namespace

std::filesystem::path
database_in_use(const std::filesystem::path& own, const std::filesystem::path& config_folder) {
    return !has_records(own) && has_own_records(config_folder) ? config_folder : own;
}

locations locations_from_environment() {
    locations places;
    places.config_folder = path_from_environment("ISCSI_CONFIG_DIR", places.config_folder);
    const auto named = path_from_environment("ISCSI_DATABASE_DIR", {});
    places.own_database = named.empty() ? places.own_database : named;
    places.database =
        named.empty() ? database_in_use(places.own_database, places.config_folder) : named;
    places.runtime = path_from_environment("ISCSID_RUNTIME_DIR", places.runtime);
    places.socket = path_from_environment("ISCSID_SOCKET", places.runtime / "iscsid.sock");
    return places;
}

config config::load(const std::filesystem::path& file) {
    config loaded;
    const auto text = read_file(file);
    if (!text) {
        loaded.warnings_.push_back(text.error().text() + "; the defaults are used");
        return loaded;
    }
    const auto scanned = scan_lines(text->value_or(""), file.string());
    for (const auto& flaw : scanned.flaws)
        loaded.warnings_.push_back(flaw.text() + outcome_of(flaw));
    for (const auto& line : scanned.lines)
        loaded.take(line, file.string());
    return loaded;
}

void config::take(const setting_line& line, const std::string& file) {
    const auto* const row = find_setting(line.key);
    if (!is_template_key(row)) {
        unknown_.push_back(line);
        return;
    }
    const auto good = check_value(*row, line.value);
    if (good) {
        put(values_, row->name, line.value);
        return;
    }
    if (auto meant = value_meant(*row, line.value))
        put(values_, row->name, *std::move(meant));
    const auto used = row->masked ? "the value before it" : value_or(values_, *row);
    warnings_.push_back(
        at_line(good.error(), file, line.number).text() +
        "; used: " + (used.empty() ? "none" : used)
    );
}

record config::new_node() const {
    return filled(record_kind::node, values_);
}

record config::new_send_targets() const {
    return filled(record_kind::send_targets, values_);
}

record config::new_isns() const {
    auto made = filled(record_kind::isns, values_);
    static_cast<void>(made.assign("discovery.type", "isns"));
    return made;
}

std::string config::daemon_value(setting_key key) const {
    return value_or(values_, key.row());
}

std::int64_t config::daemon_integer(integer_key key) const {
    return to_number<std::int64_t>(value_or(values_, key.row())).value_or(0);
}

result<initiator_identity> load_initiator_identity(const std::filesystem::path& file) {
    const auto text = read_file(file);
    if (!text)
        return text.error();
    if (!*text)
        return fault{to_error_code(file_errc::not_found), file, "", "InitiatorName=<iSCSI name>"};
    const auto scanned = scan_lines(**text, file.string());
    const auto* const name = find(scanned.lines, "InitiatorName");
    if (name == nullptr)
        return fault{to_error_code(name_errc::empty_name), file, "", "InitiatorName=<iSCSI name>"};
    if (auto good = check_iscsi_name(name->value); !good)
        return at_line(
            {good.error().code, name->key, name->value, good.error().expected},
            file.string(),
            name->number
        );
    const auto* const alias = find(scanned.lines, "InitiatorAlias");
    initiator_identity identity{name->value, alias == nullptr ? host_name() : alias->value};
    for (const auto& flaw : scanned.flaws)
        identity.warnings.push_back(flaw.text() + outcome_of(flaw));
    if (name->key != "InitiatorName")
        identity.warnings.push_back(
            file.string() + ":" + std::to_string(name->number) +
            ": taken, but open-iscsi reads it only as InitiatorName: " + name->key
        );
    return identity;
}

bool asks_for_a_name(const std::filesystem::path& file) {
    const auto text = read_file(file);
    if (!text || !*text)
        return false;
    const auto scanned = scan_lines(**text, file.string());
    const auto* const wish = find(scanned.lines, "GenerateName");
    return wish != nullptr && same_but_for_case(wish->value, "yes") &&
           find(scanned.lines, "InitiatorName") == nullptr;
}

} // namespace iscsi::admin
