#pragma once

#include "iscsid/disk/driver.hpp"
#include "iscsid/os/descriptor.hpp"

#include "libiscsi/base/result.hpp"

#include <string>

namespace iscsid::disk {

// A listening UNIX socket, and its file, as long as this object lives. Has one descriptor.
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

  private:
    // Which file it is: another one that has taken its name meanwhile is not ours.
    struct identity {
        dev_t device = 0;
        ino_t inode = 0;

        bool operator==(const identity&) const = default;
    };

    export_socket(os::descriptor socket, std::string path, const identity& file)
        : socket_(std::move(socket)), path_(std::move(path)), file_(file) {}

    static identity identity_of(int folder, const std::string& name);

    os::descriptor socket_;
    std::string path_;
    identity file_;
};

// Removes the sockets below a folder that nobody listens on any more.
void remove_dead_sockets(const std::string& folder);

} // namespace iscsid::disk
