#include "iscsid/compat/sysfs_places.hpp"

#include "iscsid/compat/errors.hpp"
#include "iscsid/os/system_fault.hpp"

#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

namespace iscsid::compat {

namespace {

namespace fs = std::filesystem;

constexpr mode_t place_mode = 0755;
constexpr std::array classes{"iscsi_host", "iscsi_session", "iscsi_connection", "scsi_host"};

// Blank, tab, newline and backslash appear as \ and three octal digits.
std::string without_escapes(std::string_view text) {
    constexpr std::size_t digits = 3;
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto code = text.substr(std::min(at + 1, text.size()), digits);
        const bool is_code = text[at] == '\\' && code.size() == digits &&
                             code.find_first_not_of("01234567") == std::string_view::npos;
        if (!is_code) {
            plain += text[at];
            continue;
        }
        plain += static_cast<char>(std::stoi(std::string(code), nullptr, 8));
        at += digits;
    }
    return plain;
}

// 36 35 0:50 /root /mount-point options … - type source super-options
mounted mount_in(const std::string& line) {
    constexpr std::string_view mark = " - ";
    std::istringstream parts(line);
    std::string word;
    mounted found;
    for (int number = 0; number < 5; ++number)
        parts >> word;
    found.where = without_escapes(word);
    const auto end = line.find(mark);
    if (end == std::string::npos)
        return found;
    std::istringstream rest(line.substr(end + mark.size()));
    rest >> word >> word;
    found.source = without_escapes(word);
    return found;
}

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
    std::istringstream lines{std::string(mountinfo)};
    for (std::string line; std::getline(lines, line);) {
        auto found = mount_in(line);
        if (found.source.starts_with(source_prefix) && found.where.starts_with(folder))
            all.push_back(std::move(found));
    }
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
