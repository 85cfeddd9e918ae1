#include "iscsid/compat/sysfs_places.hpp"

#include "iscsid/compat/errors.hpp"
#include "iscsid/disk/kernel/mount_table.hpp"
#include "iscsid/os/system_fault.hpp"

#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <utility>

namespace iscsid::compat {

namespace {

namespace fs = std::filesystem;

constexpr mode_t place_mode = 0755;
constexpr std::array classes{"iscsi_host", "iscsi_session", "iscsi_connection", "scsi_host"};

std::vector<mounted> our_mounts_now(const fs::path& root) {
    std::ifstream file("/proc/self/mountinfo");
    const std::string all(std::istreambuf_iterator<char>(file), {});
    return our_mounts(all, root.string());
}

bool is_folder(const fs::path& path) {
    struct stat seen {};

    return ::stat(path.c_str(), &seen) == 0 && S_ISDIR(seen.st_mode);
}

iscsi::result<void> make_place(const fs::path& path) {
    if (::mkdir(path.c_str(), place_mode) != 0 && errno != EEXIST)
        return os::system_fault(compat_errc::write_failed, path.string());
    return {};
}

} // namespace

std::vector<mounted> our_mounts(std::string_view mountinfo, std::string_view folder) {
    std::vector<mounted> all;
    for (auto& each : disk::mounts_in(mountinfo))
        if (each.source.starts_with(source_prefix) && each.path.starts_with(folder))
            all.push_back({std::move(each.path), std::move(each.source)});
    std::ranges::reverse(all);
    return all;
}

void remove_left_mounts(const fs::path& root, const std::string& source) {
    for (const auto& each : our_mounts_now(root))
        if (each.source == source)
            ::umount2(each.where.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
}

void sysfs_places::uncover() {
    while (!covers_.empty())
        covers_.pop_back(); // the uppermost first
}

iscsi::result<sysfs_places> sysfs_places::cover_all(fs::path root, std::string source) {
    remove_left_mounts(root, source);
    if (const auto others = our_mounts_now(root); !others.empty())
        return iscsi::fault{
            iscsi::to_error_code(compat_errc::taken_by_another),
            others.front().where,
            others.front().source,
            {}};
    sysfs_places places(std::move(root), std::move(source));
    if (auto all = places.provide_classes(); !all)
        return all.error();
    if (auto devices = places.provide_devices(); !devices)
        return devices.error();
    return places;
}

// Those that are missing first: once their parent is covered, the others can be covered on top.
iscsi::result<void> sysfs_places::provide_classes() {
    const auto parent = root_ / "class";
    const auto is_there = [&](const char* name) { return is_folder(parent / name); };
    if (!std::ranges::all_of(classes, is_there))
        if (auto laid = lay(parent); !laid)
            return laid;
    for (const auto* const name : classes) {
        auto provided = is_there(name) ? lay(parent / name) : make_place(parent / name);
        if (!provided)
            return provided;
    }
    return {};
}

iscsi::result<void> sysfs_places::provide_devices() {
    const auto bus = root_ / "bus/scsi";
    if (is_folder(bus))
        return lay(bus / "devices");
    if (auto laid = lay(root_ / "bus"); !laid)
        return laid;
    if (auto made = make_place(bus); !made)
        return made;
    return make_place(bus / "devices");
}

iscsi::result<void> sysfs_places::lay(const fs::path& where) {
    auto laid = cover::lay(where, source_);
    if (!laid)
        return laid.error();
    covers_.push_back(*std::move(laid));
    return {};
}

void sysfs_places::mirror() {
    for (auto& each : covers_)
        each.mirror();
}

} // namespace iscsid::compat
