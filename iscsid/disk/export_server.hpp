#pragma once

#include "iscsid/disk/export_clients.hpp"

namespace iscsid::disk {

// What a server works with. `share`: of the lane's budget, the LUN's own; none: each connection has
// its own bound.
struct export_means {
    std::shared_ptr<export_loop> loop;
    export_patience patience{};
    std::shared_ptr<byte_share> share{};
};

// Serves one LUN to the clients of a socket.
//
//   make() → clients come and go → close_unless_used(), or the destructor, which cuts them off
//
// For any thread but the loop's, whose other servers go on while this one closes.
class export_server {
  public:
    static constexpr std::size_t most_clients = export_clients::most_clients;

    // Throws when the system has no memory. Faults: disk_errc::attach_failed.
    static iscsi::result<std::unique_ptr<export_server>> make(
        lane::lane& where,
        const disk_request& what,
        const nbd_export& shown,
        export_socket socket,
        const export_means& means
    );

    ~export_server(); // cuts off whoever is connected
    export_server(const export_server&) = delete;
    export_server& operator=(const export_server&) = delete;
    export_server(export_server&&) = delete;
    export_server& operator=(export_server&&) = delete;

    // True: nobody is connected and nobody can connect any more; the file is gone. False: a client
    // is connected and did not leave in time; nothing has changed.
    bool close_unless_used();

    // Asks all clients to leave, and lets no other in: for a second their requests are refused with
    // ESHUTDOWN, then each connection ends with its last request. Returns at once.
    void dismiss() { clients_->dismiss(); }

    // Once a client has been served: what it wrote may be in a cache.
    bool was_used() const { return clients_->was_used(); }

    // For clients that connect from now on.
    void change(const scsi::logical_unit& properties, const nbd_export& shown) {
        clients_->change(properties, shown);
    }

  private:
    export_server(std::shared_ptr<export_loop> loop, std::shared_ptr<export_clients> clients);

    std::shared_ptr<export_loop> loop_; // ends after the clients, and with its last server
    std::shared_ptr<export_clients> clients_;
    bool is_closed_ = false;
};

} // namespace iscsid::disk
