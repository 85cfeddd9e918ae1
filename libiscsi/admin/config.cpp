#include "libiscsi/admin/config.hpp"

#include "libiscsi/admin/files.hpp"
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

// The kernel's name without a domain; an alias need not be unique.
std::string host_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0)
        return "";
    return name.data();
}

const std::string* find(const std::vector<setting_line>& lines, std::string_view key) {
    const auto found = std::find_if(lines.begin(), lines.end(), [key](const auto& line) {
        return line.key == key;
    });
    return found == lines.end() ? nullptr : &found->value;
}

} // namespace

locations locations_from_environment() {
    locations places;
    places.config_folder = path_from_environment("ISCSI_CONFIG_DIR", places.config_folder);
    places.database = path_from_environment("ISCSI_DATABASE_DIR", places.database);
    places.runtime = path_from_environment("ISCSID_RUNTIME_DIR", places.runtime);
    places.socket = path_from_environment("ISCSID_SOCKET", places.runtime / "iscsid.sock");
    return places;
}

result<config> config::load(const std::filesystem::path& file) {
    const auto text = read_file(file);
    if (!text)
        return text.error();
    const auto lines = read_lines(text->value_or(""), file.string());
    if (!lines)
        return lines.error();
    config loaded;
    for (const auto& line : *lines) {
        const auto* const row = find_setting(line.key);
        if (!is_template_key(row)) {
            loaded.unknown_.push_back(line.key);
            continue;
        }
        if (const auto good = check_value(*row, line.value); !good)
            return at_line(good.error(), file.string(), line.number);
        put(loaded.values_, row->name, line.value);
    }
    return loaded;
}

record config::new_node() const {
    return filled(record_kind::node, values_);
}

record config::new_send_targets() const {
    return filled(record_kind::send_targets, values_);
}

std::string config::daemon_value(setting_key key) const {
    for (const auto& [name, value] : values_)
        if (name == key.name())
            return value;
    return std::string(key.row().fallback);
}

result<initiator_identity> load_initiator_identity(const std::filesystem::path& file) {
    const auto text = read_file(file);
    if (!text)
        return text.error();
    if (!*text)
        return fault{to_error_code(file_errc::not_found), file, "", "InitiatorName=<iSCSI name>"};
    const auto lines = read_lines(**text, file.string());
    if (!lines)
        return lines.error();
    const auto* const name = find(*lines, "InitiatorName");
    if (name == nullptr)
        return fault{to_error_code(name_errc::empty_name), file, "", "InitiatorName=<iSCSI name>"};
    if (auto good = check_iscsi_name(*name); !good)
        return fault{good.error().code, file, *name, good.error().expected};
    const auto* const alias = find(*lines, "InitiatorAlias");
    return initiator_identity{*name, alias == nullptr ? host_name() : *alias};
}

} // namespace iscsi::admin
