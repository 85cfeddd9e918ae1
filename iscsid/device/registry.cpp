#include "iscsid/device/registry.hpp"

#include "iscsid/device/registry_state.hpp"
#include "iscsid/os/descriptor.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <initializer_list>
#include <system_error>
#include <tuple>
#include <utility>

namespace iscsid::device {

namespace {

namespace fs = std::filesystem;

using iscsi::fault;
using iscsi::result;

// ---- files --------------------------------------------------------------------------------------

constexpr std::string_view staged_prefix = ".new-";
constexpr mode_t folder_mode = 0700;

fault system_fault(registry_errc what, const fs::path& path, int error = errno) {
    return {iscsi::to_error_code(what), path.string(), std::generic_category().message(error), ""};
}

result<void> make_folder(const fs::path& folder) {
    if (::mkdir(folder.c_str(), folder_mode) == 0 || errno == EEXIST)
        return {};
    return system_fault(registry_errc::write_failed, folder);
}

bool write_all(int file, std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(file, text.data(), text.size());
        if (written < 0 && errno != EINTR)
            return false;
        if (written > 0)
            text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

bool sync_folder(const fs::path& path) {
    const os::descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return folder && ::fsync(folder.number()) == 0;
}

// A file of its own for every call: nobody else writes to it.
result<void> replace_file(const fs::path& path, std::string_view text) {
    auto staged = (path.parent_path() / staged_prefix).string() + "XXXXXX";
    os::descriptor file(::mkostemp(staged.data(), O_CLOEXEC));
    if (!file)
        return system_fault(registry_errc::write_failed, path);
    if (!write_all(file.number(), text) || ::fsync(file.number()) != 0 ||
        ::rename(staged.c_str(), path.c_str()) != 0) {
        auto why = system_fault(registry_errc::write_failed, path);
        ::unlink(staged.c_str());
        return why;
    }
    if (!sync_folder(path.parent_path()))
        return system_fault(registry_errc::write_failed, path.parent_path());
    return {};
}

// Stops behind the longest state: it is too large then, however much follows.
result<std::string> read_all(int file, const fs::path& path) {
    std::string text;
    std::array<char, 4096> piece{};
    while (text.size() <= registry::longest_state) {
        const auto got = ::read(file, piece.data(), piece.size());
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            return system_fault(registry_errc::read_failed, path);
        if (got > 0)
            text.append(piece.data(), static_cast<std::size_t>(got));
    }
    return text;
}

result<disk_state> read_file(const fs::path& path) {
    // O_NONBLOCK: a FIFO in the place of a state must not hold us up.
    const os::descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));

    struct stat found {};

    if (!file || ::fstat(file.number(), &found) != 0)
        return system_fault(registry_errc::read_failed, path);
    if (!S_ISREG(found.st_mode))
        return fault{
            iscsi::to_error_code(registry_errc::read_failed),
            path.string(),
            "something else",
            "a regular file"};
    const auto text = read_all(file.number(), path);
    if (!text)
        return text.error();
    return read_state(*text, path);
}

result<std::vector<std::string>> list_folder(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error))
        names.push_back(entry->path().filename().string());
    if (error && error != std::errc::no_such_file_or_directory)
        return system_fault(registry_errc::read_failed, folder, error.value());
    std::ranges::sort(names);
    return names;
}

// ---- the same logical unit ----------------------------------------------------------------------

fault other(std::string_view field, std::string got, std::string expected) {
    const auto shown = [](std::string text) { return text.empty() ? "none" : std::move(text); };
    return {
        iscsi::to_error_code(registry_errc::other_unit),
        std::string(field),
        shown(std::move(got)),
        shown(std::move(expected))};
}

using text_field = std::pair<std::string_view, std::string scsi::logical_unit::*>;

result<void> same_texts(
    const scsi::logical_unit& recorded,
    const scsi::logical_unit& now,
    std::initializer_list<text_field> fields
) {
    for (const auto& [name_of_field, field] : fields)
        if (recorded.*field != now.*field)
            return other(name_of_field, now.*field, recorded.*field);
    return {};
}

result<void> same_identity(const scsi::logical_unit& recorded, const scsi::logical_unit& now) {
    using unit = scsi::logical_unit;
    if (!recorded.wwid.empty() || !now.wwid.empty())
        return same_texts(recorded, now, {{"wwid", &unit::wwid}});
    return same_texts(
        recorded,
        now,
        {{"serial", &unit::serial}, {"vendor", &unit::vendor}, {"product", &unit::product}}
    );
}

} // namespace

registry::registry(std::filesystem::path folder) : folder_(std::move(folder)) {}

iscsi::result<void> registry::save(const disk_state& disk) const {
    const auto path = folder_ / file_name(disk.sid, disk.lun_number);
    const auto text = text_of(disk);
    if (const auto sound = read_state(text, path); !sound)
        return sound.error();
    if (auto made = make_folder(folder_); !made)
        return made;
    return replace_file(path, text);
}

void registry::forget(std::uint32_t sid, std::uint64_t lun_number) const {
    ::unlink((folder_ / file_name(sid, lun_number)).c_str());
}

registry::loaded registry::load() const {
    loaded all;
    const auto names = list_folder(folder_);
    if (!names) {
        all.bad.push_back(names.error());
        return all;
    }
    for (const auto& entry : *names) {
        const auto path = folder_ / entry;
        if (entry.starts_with(staged_prefix)) {
            ::unlink(path.c_str());
            continue;
        }
        if (auto disk = read_file(path))
            all.disks.push_back(std::move(*disk));
        else
            all.bad.push_back(disk.error());
    }
    std::ranges::sort(all.disks, {}, [](const disk_state& disk) {
        return std::tuple(disk.sid, disk.lun_number);
    });
    return all;
}

iscsi::result<void> same_unit(const scsi::logical_unit& recorded, const scsi::logical_unit& now) {
    if (auto same = same_identity(recorded, now); !same)
        return same;
    if (now.block_size != recorded.block_size)
        return other(
            "block_size", std::to_string(now.block_size), std::to_string(recorded.block_size)
        );
    if (now.block_count < recorded.block_count)
        return other(
            "block_count",
            std::to_string(now.block_count),
            "at least " + std::to_string(recorded.block_count)
        );
    return {};
}

const char* category_name(registry_errc /*any*/) {
    return "disk registry";
}

std::string_view message_of(registry_errc error) {
    switch (error) {
    case registry_errc::write_failed:
        return "cannot be written";
    case registry_errc::read_failed:
        return "cannot be read";
    case registry_errc::too_large:
        return "too large";
    case registry_errc::malformed:
        return "malformed";
    case registry_errc::unknown_version:
        return "unknown version";
    case registry_errc::missing_member:
        return "missing";
    case registry_errc::wrong_type:
        return "wrong type";
    case registry_errc::out_of_range:
        return "out of range";
    case registry_errc::bad_text:
        return "bad text";
    case registry_errc::misplaced:
        return "does not belong here";
    case registry_errc::other_unit:
        return "another logical unit";
    }
    return "unknown registry error";
}

} // namespace iscsid::device
