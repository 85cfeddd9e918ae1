#pragma once

#include "libiscsi/base/result.hpp"

#include <filesystem>
#include <string>

namespace iscsid::ipc {

// Each ends the start of the daemon with a line that names the path.
enum class listen_errc {
    already_running = 1, // another iscsid holds this socket
    path_too_long,
    no_such_group,
    not_a_listening_socket, // what systemd handed over
    cannot_listen,
};

const char* category_name(listen_errc);
std::string_view message_of(listen_errc);

// A listening socket, and the lock beside it that keeps a second daemon away.
// Its end removes a socket of our own and lets the lock go, in this order; systemd's socket stays.
class listener {
  public:
    // systemd's socket (LISTEN_FDS) when there is one, else `path`, made with mode 0600, or 0660
    // for members of `group`. A socket that a killed daemon left behind is replaced, a live one
    // never. Faults: listen_errc.
    static iscsi::result<listener>
    open(const std::filesystem::path& path, const std::string& group);

    // As open(), but never systemd's, which is for iscsiadm. Replaces nothing but a socket: the
    // path is an administrator's.
    static iscsi::result<listener>
    open_own(const std::filesystem::path& path, const std::string& group);

    // Gives the socket to the caller; the lock, and the path, stay with this object.
    int take_socket();

    // Removes the path when it is ours, not systemd's.
    ~listener();
    listener(listener&& other) noexcept;
    listener& operator=(listener&&) = delete;
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

  private:
    listener() = default;

    iscsi::result<void> lock(const std::filesystem::path& path);
    iscsi::result<void> listen(const std::filesystem::path& path, const std::string& group);

    std::filesystem::path path_; // empty: not ours
    int socket_ = -1;
    int lock_ = -1;
};

} // namespace iscsid::ipc
