#pragma once

#include "iscsid/disk/driver.hpp"
#include "iscsid/os/descriptor.hpp"

#include "libiscsi/base/result.hpp"

#include <string>

namespace iscsid::disk {

// A listening UNIX socket, and its file, as long as this object lives.
class export_socket {
  public:
    // Whoever may connect may also pass the folder, but not list it. Replaces a file of that name;
    // the caller knows that it is nobody's. The name has at most 255 bytes; a path above the 107
    // bytes of sun_path is one that clients reach relatively only. Faults:
    // disk_errc::attach_failed.
    static iscsi::result<export_socket>
    make(const std::string& folder, const std::string& name, const socket_access& access);

    export_socket(export_socket&&) noexcept = default;
    export_socket& operator=(export_socket&&) = delete;
    export_socket(const export_socket&) = delete;
    export_socket& operator=(const export_socket&) = delete;
    ~export_socket();

    int number() const { return socket_.number(); } // non-blocking

    const std::string& path() const { return path_; }

  private:
    export_socket(os::descriptor folder, os::descriptor socket, std::string name, std::string path);

    os::descriptor folder_;
    os::descriptor socket_;
    std::string name_;
    std::string path_;
};

// Removes the sockets below a folder that nobody listens on any more.
void remove_dead_sockets(const std::string& folder);

} // namespace iscsid::disk
