#include "iscsid/ipc/listener.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

namespace iscsid::ipc {

const char* category_name(listen_errc /*unused*/) {
    return "listen";
}

std::string_view message_of(listen_errc what) {
    switch (what) {
    case listen_errc::already_running:
        return "another iscsid is running";
    case listen_errc::path_too_long:
        return "path of the socket is too long";
    case listen_errc::no_such_group:
        return "no such group";
    case listen_errc::not_a_listening_socket:
        return "systemd handed over something that is not a listening unix socket";
    case listen_errc::cannot_listen:
        return "cannot listen";
    }
    return "unknown";
}

namespace {

iscsi::fault refusal(listen_errc code, const std::filesystem::path& path, std::string got = {}) {
    return {iscsi::to_error_code(code), path.string(), std::move(got), {}};
}

std::string last_error() {
    return std::generic_category().message(errno);
}

// Not on the socket itself: it is replaced by each daemon, and a lock belongs to the file that was
// opened.
iscsi::result<int> lock_beside(const std::filesystem::path& path) {
    std::error_code ignored;
    std::filesystem::create_directories(path.parent_path(), ignored);
    const std::string name = path.string() + ".lock";
    const int fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return refusal(listen_errc::cannot_listen, name, last_error());
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    auto why = errno == EWOULDBLOCK ? refusal(listen_errc::already_running, path)
                                    : refusal(listen_errc::cannot_listen, name, last_error());
    ::close(fd);
    return why;
}

// Nothing: systemd has no socket for us.
iscsi::result<std::optional<int>> socket_of_systemd() {
    if (::sd_listen_fds(1) < 1)
        return std::optional<int>();
    constexpr int first = SD_LISTEN_FDS_START;
    if (::sd_is_socket_unix(first, SOCK_STREAM, 1, nullptr, 0) <= 0)
        return refusal(listen_errc::not_a_listening_socket, "LISTEN_FDS");
    // Whoever connects from now on is told our process, not systemd's: SO_PEERCRED has the last one
    // that listened.
    static_cast<void>(::listen(first, SOMAXCONN));
    return std::optional<int>(first);
}

// The kernel would cut a longer path and bind another name.
iscsi::result<sockaddr_un> address_of(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string text = path.string();
    if (text.size() >= sizeof address.sun_path)
        return refusal(listen_errc::path_too_long, path);
    std::copy(text.begin(), text.end(), address.sun_path);
    return address;
}

// The group may connect; what it may ask for is decided for each call.
iscsi::result<void> open_to_group(const std::filesystem::path& path, const std::string& group) {
    if (group.empty())
        return {};
    // Only at start, with one thread that could ask.
    const auto* entry = ::getgrnam(group.c_str()); // NOLINT(concurrency-mt-unsafe)
    if (entry == nullptr)
        return refusal(listen_errc::no_such_group, "iscsid.ipc_group", group);
    if (::chown(path.c_str(), static_cast<uid_t>(-1), entry->gr_gid) != 0 ||
        ::chmod(path.c_str(), 0660) != 0)
        return refusal(listen_errc::cannot_listen, path, last_error());
    return {};
}

// bind() under a mask, so that the socket is never open to others, not even for a moment.
bool bind_privately(int fd, const sockaddr_un& to) {
    const mode_t before = ::umask(0177);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): that is the interface
    const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    ::umask(before);
    return bound;
}

// In this order: nobody can connect before the mode is right.
iscsi::result<int> listen_at(const std::filesystem::path& path, const std::string& group) {
    const auto address = address_of(path);
    if (address.has_error())
        return address.error();
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return refusal(listen_errc::cannot_listen, path, last_error());
    // We hold the lock: whoever made this socket is gone.
    static_cast<void>(::unlink(path.c_str()));
    if (!bind_privately(fd, *address) || ::listen(fd, SOMAXCONN) != 0) {
        auto why = refusal(listen_errc::cannot_listen, path, last_error());
        ::close(fd);
        return why;
    }
    if (const auto opened = open_to_group(path, group); opened.has_error()) {
        ::close(fd);
        return opened.error();
    }
    return fd;
}

} // namespace

iscsi::result<listener>
listener::open(const std::filesystem::path& path, const std::string& group) {
    listener made;
    if (auto locked = made.lock(path); !locked)
        return locked.error();
    const auto handed_over = socket_of_systemd();
    if (handed_over.has_error())
        return handed_over.error();
    // The path is compared: systemd may have been told another place than we have, and then its
    // mode is its own business.
    if (handed_over->has_value()) {
        made.socket_ = **handed_over;
        const bool is_there =
            ::sd_is_socket_unix(made.socket_, SOCK_STREAM, 1, path.c_str(), 0) > 0;
        if (const auto opened = open_to_group(path, is_there ? group : std::string()); !opened)
            return opened.error();
        return made;
    }
    if (auto listens = made.listen(path, group); !listens)
        return listens.error();
    return made;
}

iscsi::result<listener>
listener::open_own(const std::filesystem::path& path, const std::string& group) {
    std::error_code unused;
    const auto there = std::filesystem::symlink_status(path, unused);
    if (std::filesystem::exists(there) && !std::filesystem::is_socket(there))
        return refusal(listen_errc::cannot_listen, path, "a file that is no socket");
    listener made;
    if (auto locked = made.lock(path); !locked)
        return locked.error();
    if (auto listens = made.listen(path, group); !listens)
        return listens.error();
    return made;
}

iscsi::result<void> listener::lock(const std::filesystem::path& path) {
    const auto lock = lock_beside(path);
    if (lock.has_error())
        return lock.error();
    lock_ = *lock;
    return {};
}

iscsi::result<void> listener::listen(const std::filesystem::path& path, const std::string& group) {
    const auto socket = listen_at(path, group);
    if (socket.has_error())
        return socket.error();
    socket_ = *socket;
    path_ = path;
    return {};
}

int listener::take_socket() {
    return std::exchange(socket_, -1);
}

listener::~listener() {
    if (!path_.empty())
        static_cast<void>(::unlink(path_.c_str()));
    for (const int fd : {socket_, lock_})
        if (fd >= 0)
            ::close(fd);
}

listener::listener(listener&& other) noexcept
    : path_(std::exchange(other.path_, {}))
    , socket_(std::exchange(other.socket_, -1))
    , lock_(std::exchange(other.lock_, -1)) {}

} // namespace iscsid::ipc
