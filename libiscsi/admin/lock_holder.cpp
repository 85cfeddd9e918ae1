#include "libiscsi/admin/lock_holder.hpp"

#include "libiscsi/admin/files.hpp"
#include "libiscsi/base/shown.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace iscsi::admin {

namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
    auto text = read_file(file);
    return text && *text ? **std::move(text) : std::string();
}

// The folders of /proc that are no process have other names.
pid_t process_of(const std::string& name) {
    pid_t process = 0;
    const char* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data(), end, process);
    return error == std::errc{} && stop == end ? process : 0;
}

lock_holder named(pid_t process) {
    std::string name = text_of(fs::path("/proc") / std::to_string(process) / "comm");
    std::erase(name, '\n');
    return {process, shown(name)};
}

// Of every entry that is a number; what ends meanwhile has none.
template <class Is>
std::optional<std::string> find_number(const fs::path& folder, Is is) {
    const auto names = list_folder(folder);
    if (!names)
        return std::nullopt;
    const auto found = std::ranges::find_if(*names, [&](const std::string& name) {
        return name.find_first_not_of("0123456789") == std::string::npos && is(name);
    });
    return found == names->end() ? std::nullopt : std::optional(*found);
}

bool holds_lock(const fs::path& process, const struct stat& file) {
    const auto is_it = [&](const std::string& number) {
        struct stat other {};

        if (::stat((process / "fd" / number).c_str(), &other) != 0 || other.st_dev != file.st_dev ||
            other.st_ino != file.st_ino)
            return false;
        return text_of(process / "fdinfo" / number).find("\nlock:") != std::string::npos;
    };
    return find_number(process / "fd", is_it).has_value();
}

std::optional<lock_holder> search_processes(int file) {
    struct stat locked {};

    if (::fstat(file, &locked) != 0)
        return std::nullopt;
    const auto found = find_number("/proc", [&](const std::string& process) {
        return process_of(process) != ::getpid() && holds_lock(fs::path("/proc") / process, locked);
    });
    return found ? std::optional(named(process_of(*found))) : std::nullopt;
}

} // namespace

std::string lock_holder::text() const {
    return "process " + std::to_string(process) + (name.empty() ? "" : " (" + name + ")");
}

std::optional<lock_holder> find_lock_holder(int file) {
    struct flock whole {};

    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (::fcntl(file, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK && whole.l_pid > 0)
        return named(whole.l_pid);
    return search_processes(file);
}

std::optional<lock_holder> find_lock_holder(const fs::path& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0)
        return std::nullopt;
    auto holder = find_lock_holder(file);
    ::close(file);
    return holder;
}

std::optional<lock_holder> find_by_pid_file(const fs::path& file, std::string_view program) {
    std::string text = text_of(file);
    std::erase(text, '\n');
    const pid_t process = process_of(text);
    lock_holder found = process > 0 ? named(process) : lock_holder();
    return found.name == program && !program.empty() ? std::optional(std::move(found))
                                                     : std::nullopt;
}

} // namespace iscsi::admin
