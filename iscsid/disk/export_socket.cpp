#include "iscsid/disk/export_socket.hpp"

#include "iscsid/disk/kernel/system_fault.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

namespace iscsid::disk {

namespace {

namespace fs = std::filesystem;

constexpr int longest_queue = 16; // of connections that are not accepted yet

// x for whom the sockets are rw.
mode_t folder_mode(const socket_access& access) {
    const mode_t for_group = (access.mode & S_IWGRP) != 0 ? S_IXGRP : 0;
    const mode_t for_others = (access.mode & S_IWOTH) != 0 ? S_IXOTH : 0;
    return S_IRWXU | for_group | for_others;
}

// A daemon without root's privileges gives nothing to a group that it is not in.
bool give(int file, const socket_access& access, mode_t mode) {
    return ::fchown(file, static_cast<uid_t>(-1), access.group) == 0 && ::fchmod(file, mode) == 0;
}

iscsi::result<os::descriptor> open_folder(const std::string& path, const socket_access& access) {
    std::error_code error;
    fs::create_directories(fs::path(path).parent_path(), error);
    if (error)
        return system_fault(disk_errc::attach_failed, path, "a folder to make", error.value());
    if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST)
        return system_fault(disk_errc::attach_failed, path, "a folder to make");
    os::descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder || !give(folder.number(), access, folder_mode(access)))
        return system_fault(
            disk_errc::attach_failed,
            path,
            "a folder for iscsid.export_group and iscsid.export_mode"
        );
    return folder;
}

// Through /proc, for the path to a folder may be longer than an address.
sockaddr_un address_of(const os::descriptor& folder, const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = "/proc/self/fd/" + std::to_string(folder.number()) + "/" + name;
    std::copy_n(path.begin(), std::min(path.size(), sizeof address.sun_path - 1), address.sun_path);
    return address;
}

// The file takes the mode of the socket at bind(): no moment with another, no umask of the process.
bool listen_on(const os::descriptor& socket, const sockaddr_un& address) {
    return ::fchmod(socket.number(), S_IRUSR | S_IWUSR) == 0 &&
           ::bind(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
               0 &&
           ::listen(socket.number(), longest_queue) == 0;
}

bool open_to(int folder, const std::string& name, const socket_access& access) {
    return ::fchownat(folder, name.c_str(), static_cast<uid_t>(-1), access.group, 0) == 0 &&
           ::fchmodat(folder, name.c_str(), access.mode, 0) == 0;
}

bool is_dead(const std::string& path) {
    sockaddr_un address{};
    if (path.size() >= sizeof address.sun_path)
        return false;
    address.sun_family = AF_UNIX;
    std::ranges::copy(path, address.sun_path);
    const os::descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    return socket &&
           ::connect(
               socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address
           ) != 0 &&
           errno == ECONNREFUSED;
}

} // namespace

// Under a name of its own until it listens: then it replaces a file of a dead daemon at once.
iscsi::result<export_socket> export_socket::make(
    const std::string& folder, const std::string& name, const socket_access& access
) {
    auto place = open_folder(folder, access);
    if (!place)
        return place.error();
    const std::string path = folder + "/" + name;
    os::descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket)
        return system_fault(disk_errc::attach_failed, path, "a socket");
    const std::string first_name = ".new-" + std::to_string(socket.number());
    const int at = place->number();
    ::unlinkat(at, first_name.c_str(), 0);
    if (!listen_on(socket, address_of(*place, first_name)) || !open_to(at, first_name, access) ||
        ::renameat(at, first_name.c_str(), at, name.c_str()) != 0) {
        const int error = errno;
        ::unlinkat(at, first_name.c_str(), 0);
        return system_fault(disk_errc::attach_failed, path, "a socket that listens", error);
    }
    return export_socket(std::move(socket), path, identity_of(at, name));
}

// The folder is not kept open for this: each LUN would have one descriptor more.
export_socket::~export_socket() {
    if (socket_ && identity_of(AT_FDCWD, path_) == file_)
        ::unlink(path_.c_str());
}

export_socket::identity export_socket::identity_of(int folder, const std::string& name) {
    struct stat found {};

    const bool is_there = ::fstatat(folder, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0;
    return is_there ? identity{found.st_dev, found.st_ino} : identity{};
}

void remove_dead_sockets(const std::string& folder) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored))
        if (entry.is_socket(ignored) && is_dead(entry.path()))
            ::unlink(entry.path().c_str());
}

} // namespace iscsid::disk
