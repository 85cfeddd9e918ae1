#include "iscsid/compat/cover.hpp"

#include "iscsid/compat/errors.hpp"
#include "iscsid/os/system_fault.hpp"

#include <climits>

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <optional>
#include <utility>

namespace iscsid::compat {

namespace {

namespace fs = std::filesystem;

constexpr mode_t shown_folder_mode = 0755;
constexpr mode_t shown_file_mode = 0644;

using open_folder = std::unique_ptr<DIR, decltype([](DIR* folder) { ::closedir(folder); })>;

// The folder below the cover anew: its descriptor has one place for all readers.
open_folder read_again(const os::descriptor& folder) {
    const int again = ::openat(folder.number(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return open_folder(again < 0 ? nullptr : ::fdopendir(again));
}

std::string link_text(const os::descriptor& folder, const std::string& name) {
    std::array<char, PATH_MAX> text{};
    const auto length = ::readlinkat(folder.number(), name.c_str(), text.data(), text.size());
    return {text.data(), length < 0 ? 0 : static_cast<std::size_t>(length)};
}

// Through the descriptor: by its path it is hidden.
std::string path_below(const os::descriptor& folder, const std::string& name) {
    return "/proc/self/fd/" + std::to_string(folder.number()) + "/" + name;
}

} // namespace

iscsi::result<cover> cover::lay(fs::path where, const std::string& source) {
    os::descriptor below(::open(where.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!below)
        return os::system_fault(compat_errc::no_sysfs, where.string());
    constexpr auto flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (::mount(source.c_str(), where.c_str(), "tmpfs", flags, "mode=0755,size=256m") != 0)
        return os::system_fault(compat_errc::mount_failed, where.string(), "CAP_SYS_ADMIN");
    cover laid(std::move(where), std::move(below));
    laid.mirror();
    return laid;
}

cover::cover(fs::path where, os::descriptor below)
    : where_(std::move(where)), below_(std::move(below)) {}

cover::cover(cover&& other) noexcept
    : where_(std::move(other.where_))
    , below_(std::move(other.below_))
    , shown_(std::move(other.shown_))
    , is_laid_(std::exchange(other.is_laid_, false)) {}

// With all that is mounted in it. Who is in there stays there, and nobody is waited for.
cover::~cover() {
    if (is_laid_)
        ::umount2(where_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
}

void cover::mirror() {
    auto now = names_below();
    for (auto each = shown_.begin(); each != shown_.end();) {
        const auto still = now.find(each->first);
        if (still != now.end() && still->second == each->second) {
            now.erase(still);
            ++each;
            continue;
        }
        hide(each->first, each->second);
        each = shown_.erase(each);
    }
    for (auto& [name, what] : now)
        if (show(name, what))
            shown_.emplace(name, std::move(what));
}

cover::names cover::names_below() const {
    names all;
    const auto folder = read_again(below_);
    if (!folder)
        return all;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else has this stream
    while (const auto* const each = ::readdir(folder.get())) {
        std::string name = each->d_name;

        struct stat seen {};

        if (name == "." || name == ".." ||
            ::fstatat(below_.number(), name.c_str(), &seen, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        shown what{type::mounted_file, seen.st_ino, {}};
        if (S_ISDIR(seen.st_mode))
            what.is = type::mounted_folder;
        if (S_ISLNK(seen.st_mode))
            what = {type::link, seen.st_ino, link_text(below_, name)};
        all.emplace(std::move(name), std::move(what));
    }
    return all;
}

bool cover::show(const std::string& name, const shown& what) const {
    const auto path = where_ / name;
    if (what.is == type::link)
        return ::symlink(what.text.c_str(), path.c_str()) == 0;
    if (what.is == type::mounted_folder) {
        if (::mkdir(path.c_str(), shown_folder_mode) != 0)
            return false;
    } else {
        constexpr int only_new = O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC;
        const os::descriptor place(::open(path.c_str(), only_new, shown_file_mode));
        if (!place)
            return false;
    }
    const auto from = path_below(below_, name);
    if (::mount(from.c_str(), path.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0)
        return true;
    hide(name, what);
    return false;
}

void cover::hide(const std::string& name, const shown& what) const {
    const auto path = where_ / name;
    if (what.is != type::link)
        ::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
    if (what.is == type::mounted_folder)
        ::rmdir(path.c_str());
    else
        ::unlink(path.c_str());
}

} // namespace iscsid::compat
