#include "iscsid/device/registry.hpp"

#include "iscsid/device/registry_state.hpp"
#include "iscsid/os/files.hpp"
#include "iscsid/os/system_fault.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <system_error>
#include <tuple>
#include <utility>

namespace iscsid::device {

namespace {

namespace fs = std::filesystem;

using iscsi::fault;
using iscsi::result;
using os::system_fault;

// ---- files --------------------------------------------------------------------------------------

constexpr mode_t folder_mode = 0700;

result<void> make_folder(const fs::path& folder) {
    if (::mkdir(folder.c_str(), folder_mode) == 0 || errno == EEXIST)
        return {};
    return system_fault(registry_errc::write_failed, folder.string());
}

result<disk_state> read_disk(const fs::path& path) {
    const auto found = os::read_file(path, registry::longest_state);
    if (found.error != 0)
        return system_fault(registry_errc::read_failed, path.string(), {}, found.error);
    if (!found.is_regular)
        return fault{
            iscsi::to_error_code(registry_errc::read_failed),
            path.string(),
            "something else",
            "a regular file"};
    return read_state(found.text, path);
}

result<std::vector<std::string>> list_folder(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error))
        names.push_back(entry->path().filename().string());
    if (error && error != std::errc::no_such_file_or_directory)
        return system_fault(registry_errc::read_failed, folder.string(), {}, error.value());
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

bool is_told_twice(
    const scsi::logical_unit& recorded, const scsi::logical_unit& now, const text_field& name
) {
    return !(recorded.*name.second).empty() && !(now.*name.second).empty();
}

// A name that is not told any more (its page is refused, or empty) is compared with nothing; one
// that was never told before is of another unit, unless the other name shows that it is the same.
result<void> same_identity(const scsi::logical_unit& recorded, const scsi::logical_unit& now) {
    using unit = scsi::logical_unit;
    constexpr text_field wwid{"wwid", &unit::wwid};
    constexpr text_field serial{"serial", &unit::serial};
    constexpr text_field vendor{"vendor", &unit::vendor};
    constexpr text_field product{"product", &unit::product};
    if (is_told_twice(recorded, now, wwid))
        return same_texts(recorded, now, {wwid});
    if (is_told_twice(recorded, now, serial))
        return same_texts(recorded, now, {serial, vendor, product});
    for (const auto& name : {wwid, serial})
        if ((recorded.*name.second).empty() && !(now.*name.second).empty())
            return same_texts(recorded, now, {name});
    return same_texts(recorded, now, {vendor, product});
}

} // namespace

registry::registry(std::filesystem::path folder, std::string boot_id)
    : folder_(std::move(folder)), boot_id_(std::move(boot_id)) {}

iscsi::result<void> registry::save(const disk_state& given) const {
    auto disk = given;
    disk.boot_id = boot_id_;
    const auto path = folder_ / file_name(disk.sid, disk.lun_number);
    const auto text = text_of(disk);
    if (const auto sound = read_state(text, path); !sound)
        return sound.error();
    if (const auto there = os::read_file(path, longest_state); there.text == text)
        return {}; // also with a full disk
    if (auto made = make_folder(folder_); !made)
        return made;
    if (const int error = os::replace_file(path, text); error != 0)
        return system_fault(registry_errc::write_failed, path.string(), {}, error);
    return {};
}

void registry::forget(std::uint32_t sid, std::uint64_t lun_number) const {
    ::unlink((folder_ / file_name(sid, lun_number)).c_str());
}

iscsi::result<void> registry::save(const detached_lun& lun) const {
    const auto path = folder_ / file_name(lun);
    if (auto made = make_folder(folder_); !made)
        return made;
    if (const int error = os::replace_file(path, ""); error != 0)
        return system_fault(registry_errc::write_failed, path.string(), {}, error);
    return {};
}

void registry::forget(const detached_lun& lun) const {
    ::unlink((folder_ / file_name(lun)).c_str());
}

void registry::drop_pointless(loaded& all) const {
    const auto is_pointless = [&all](const detached_lun& lun) {
        const auto is_of_session = [&lun](const disk_state& disk) { return disk.sid == lun.sid; };
        const auto is_it = [&](const disk_state& disk) {
            return is_of_session(disk) && disk.lun_number == lun.lun_number;
        };
        return std::ranges::none_of(all.disks, is_of_session) ||
               std::ranges::any_of(all.disks, is_it);
    };
    for (const auto& lun : all.detached)
        if (is_pointless(lun))
            forget(lun);
    std::erase_if(all.detached, is_pointless);
}

// Where either is not known the device itself shows whether it is there.
bool registry::is_of_earlier_boot(const disk_state& disk) const {
    return !boot_id_.empty() && !disk.boot_id.empty() && disk.boot_id != boot_id_;
}

void registry::drop(const disk_state& disk, loaded& all) const {
    forget(disk.sid, disk.lun_number);
    ++all.of_earlier_boots;
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
        if (entry.starts_with(os::staged_prefix)) {
            ::unlink(path.c_str());
            continue;
        }
        if (const auto lun = detached_lun_of(entry))
            all.detached.push_back(*lun);
        else if (auto disk = read_disk(path); !disk)
            all.bad.push_back(disk.error());
        else if (is_of_earlier_boot(*disk))
            drop(*disk, all);
        else
            all.disks.push_back(std::move(*disk));
    }
    std::ranges::sort(all.disks, {}, [](const disk_state& disk) {
        return std::tuple(disk.sid, disk.lun_number);
    });
    drop_pointless(all);
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
