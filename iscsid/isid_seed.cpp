#include "iscsid/isid_seed.hpp"

#include "iscsid/os/files.hpp"
#include "iscsid/os/random.hpp"

#include "libiscsi/admin/files.hpp"
#include "libiscsi/admin/record_tree.hpp"
#include "libiscsi/base/hex.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

namespace iscsid {

namespace admin = iscsi::admin;

namespace {

constexpr std::size_t seed_bytes = 16;
constexpr std::size_t longest_id = 256; // of files that hold 32 digits

bool is_id(std::string_view text) {
    const auto is_digit = [](char each) {
        return (each >= '0' && each <= '9') || (each >= 'a' && each <= 'f');
    };
    return text.size() == 2 * seed_bytes && std::ranges::all_of(text, is_digit);
}

std::string_view first_line(std::string_view text) {
    return text.substr(0, text.find('\n'));
}

// systemd has the file say "uninitialized" until the first boot is over.
std::string machine_id(const std::filesystem::path& file) {
    const auto read = os::read_file(file, longest_id);
    const auto id = first_line(read.text);
    return read.error == 0 && is_id(id) ? std::string(id) : std::string();
}

bool has_nodes(const std::filesystem::path& database) {
    const auto targets = admin::list_folder(admin::record_tree(database).nodes());
    return targets.has_error() || !targets->empty();
}

std::string without_seed(const std::filesystem::path& file, const std::string& why) {
    return fmt::format(
        "{}: {}; a machine that is a copy of this one, name and all, ends its sessions",
        file.string(),
        why
    );
}

std::string words_of(int error) {
    return std::generic_category().message(error);
}

std::string new_seed(const std::filesystem::path& database, const std::filesystem::path& file) {
    auto seed = iscsi::hex_of(os::random_bytes(seed_bytes));
    std::error_code ignored; // the file cannot be written then
    std::filesystem::create_directories(database, ignored);
    if (const int error = os::replace_file(file, seed + "\n"); error != 0) {
        spdlog::warn("{}", without_seed(file, "cannot be written, " + words_of(error)));
        return {};
    }
    return seed;
}

struct seed_file {
    bool is_there = true;
    std::string seed; // empty: there is none, or `fault` says why it cannot be used
    std::string fault;
};

seed_file read_seed(const std::filesystem::path& file) {
    const auto read = os::read_file(file, longest_id);
    if (read.error == ENOENT || read.error == ENOTDIR)
        return {false, {}, {}};
    if (read.error != 0)
        return {true, {}, words_of(read.error)};
    const auto seed = first_line(read.text);
    if (read.is_regular && is_id(seed))
        return {true, std::string(seed), {}};
    return {true, {}, "expected 32 hexadecimal digits"};
}

std::string seed_of(const std::filesystem::path& database) {
    const auto file = database / isid_seed_name;
    const auto read = read_seed(file);
    if (!read.is_there && !has_nodes(database))
        return new_seed(database, file);
    if (!read.is_there)
        spdlog::info("{}", without_seed(file, "not made for records that are there already"));
    else if (!read.fault.empty())
        spdlog::warn("{}", without_seed(file, read.fault));
    return read.seed;
}

} // namespace

std::string
isid_seed(const std::filesystem::path& database, const std::filesystem::path& machine_id_file) {
    const auto seed = seed_of(database);
    return seed.empty() ? seed : seed + machine_id(machine_id_file);
}

std::optional<std::string> fault_of_isid_seed(const std::filesystem::path& database) {
    const auto file = database / isid_seed_name;
    const auto read = read_seed(file);
    if (read.fault.empty())
        return std::nullopt;
    return without_seed(file, read.fault);
}

} // namespace iscsid
