#include "iscsid/disk/export_server.hpp"

#include "iscsid/disk/kernel/system_fault.hpp"

namespace iscsid::disk {

iscsi::result<std::unique_ptr<export_server>> export_server::make(
    lane::lane& where,
    const disk_request& what,
    const nbd_export& shown,
    export_socket socket,
    const export_means& means
) {
    auto clients = std::make_shared<export_clients>(
        export_clients::surroundings{*means.loop, where, means.patience, means.share},
        what,
        shown,
        std::move(socket)
    );
    std::unique_ptr<export_server> made(new export_server(means.loop, std::move(clients)));
    if (!made->clients_->start())
        return system_fault(disk_errc::attach_failed, "epoll_ctl", "a socket to wait for");
    return made;
}

export_server::export_server(
    std::shared_ptr<export_loop> loop, std::shared_ptr<export_clients> clients
)
    : loop_(std::move(loop)), clients_(std::move(clients)) {}

export_server::~export_server() {
    if (!is_closed_)
        clients_->close();
}

bool export_server::close_unless_used() {
    if (!clients_->close_to_others())
        return false;
    is_closed_ = true;
    clients_->close();
    return true;
}

} // namespace iscsid::disk
