#pragma once

#include "libiscsi/base/result.hpp"

#include <cstdint>
#include <memory>
#include <string>

struct nl_sock;

namespace iscsid::disk {

// What the kernel's NBD client is told of a device.
struct nbd_settings {
    std::uint32_t index = 0; // of /dev/nbdN
    std::uint64_t size = 0;  // bytes
    std::uint32_t block_size = 512;
    std::uint16_t flags = 0;             // nbd::has_flags and so on
    std::uint32_t dead_conn_timeout = 0; // s; how long I/O waits for another connection
    std::string backend;                 // who may reconfigure it
    int socket = -1;                     // the kernel keeps a reference of its own
};

// Generic netlink of the NBD client (linux/nbd-netlink.h). The kernel does the work inside the
// call, with the lock of all generic netlink and that of the device, and waits there until the
// device is idle where a size or a limit changes: only for the helper. Faults: disk_errc::no_driver
// without the module, ::busy for an index in use, else attach_failed.
class nbd_netlink {
  public:
    static iscsi::result<nbd_netlink> open();

    iscsi::result<void> connect(const nbd_settings& what);

    // Another connection for a device whose own is dead. A device whose connection lives ignores
    // it.
    iscsi::result<void> reconfigure(std::uint32_t index, const std::string& backend, int socket);
    iscsi::result<void> resize(std::uint32_t index, const std::string& backend, std::uint64_t size);
    iscsi::result<void> disconnect(std::uint32_t index);

  private:
    struct free_socket {
        void operator()(nl_sock* socket) const;
    };

    class message;

    explicit nbd_netlink(nl_sock* socket, int family) : socket_(socket), family_(family) {}

    iscsi::result<void> send(message& what, const std::string& about);

    std::unique_ptr<nl_sock, free_socket> socket_;
    int family_;
};

} // namespace iscsid::disk
