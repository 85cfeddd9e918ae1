#include "iscsid/disk/kernel/nbd_netlink.hpp"

#include "iscsid/disk/kernel/errors.hpp"

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

namespace iscsid::disk {

namespace {

// linux/nbd-netlink.h, whose older versions lack some of it.
enum nbd_command : std::uint8_t {
    connect_device = 1,
    disconnect_device = 2,
    reconfigure_device = 3
};

enum nbd_attribute : int {
    attribute_index = 1,
    attribute_size_bytes = 2,
    attribute_block_size_bytes = 3,
    attribute_timeout = 4,
    attribute_server_flags = 5,
    attribute_client_flags = 6,
    attribute_sockets = 7,
    attribute_dead_conn_timeout = 8,
    attribute_backend_identifier = 10,
};

constexpr int socket_item = 1;
constexpr int socket_fd = 1;
constexpr std::uint64_t destroy_on_disconnect = 1;
constexpr std::uint8_t version = 1;

// INVAL: the device of that number is just being removed.
disk_errc code_of(int error) {
    return error == -NLE_BUSY || error == -NLE_INVAL ? disk_errc::busy : disk_errc::attach_failed;
}

iscsi::fault netlink_fault(disk_errc code, std::string field, int error) {
    return {iscsi::to_error_code(code), std::move(field), nl_geterror(error), {}};
}

} // namespace

void nbd_netlink::free_socket::operator()(nl_sock* socket) const {
    nl_socket_free(socket);
}

class nbd_netlink::message {
  public:
    message(int family, nbd_command command, std::uint32_t index) : message_(nlmsg_alloc()) {
        genlmsg_put(message_, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, 0, command, version);
        nla_put_u32(message_, attribute_index, index);
    }

    ~message() { nlmsg_free(message_); }

    message(const message&) = delete;
    message& operator=(const message&) = delete;
    message(message&&) = delete;
    message& operator=(message&&) = delete;

    void put(nbd_attribute what, std::uint64_t value) { nla_put_u64(message_, what, value); }

    void put_backend(const std::string& name) {
        nla_put_string(message_, attribute_backend_identifier, name.c_str());
    }

    void put_socket(int socket) {
        nlattr* const all = nla_nest_start(message_, attribute_sockets);
        nlattr* const one = nla_nest_start(message_, socket_item);
        nla_put_u32(message_, socket_fd, static_cast<std::uint32_t>(socket));
        nla_nest_end(message_, one);
        nla_nest_end(message_, all);
    }

    nl_msg* get() { return message_; }

  private:
    nl_msg* message_;
};

iscsi::result<nbd_netlink> nbd_netlink::open() {
    std::unique_ptr<nl_sock, free_socket> socket(nl_socket_alloc());
    if (!socket)
        return netlink_fault(disk_errc::no_driver, "netlink", -NLE_NOMEM);
    if (const int error = genl_connect(socket.get()); error < 0)
        return netlink_fault(disk_errc::no_driver, "netlink", error);
    const int family = genl_ctrl_resolve(socket.get(), "nbd");
    if (family < 0)
        return netlink_fault(disk_errc::no_driver, "netlink family nbd", family);
    return nbd_netlink(socket.release(), family);
}

iscsi::result<void> nbd_netlink::send(message& what, const std::string& about) {
    int error = nl_send_auto(socket_.get(), what.get());
    if (error >= 0)
        error = nl_wait_for_ack(socket_.get());
    if (error < 0)
        return netlink_fault(code_of(error), about, error);
    return {};
}

iscsi::result<void> nbd_netlink::connect(const nbd_settings& what) {
    message request(family_, connect_device, what.index);
    request.put(attribute_size_bytes, what.size);
    request.put(attribute_block_size_bytes, what.block_size);
    request.put(attribute_timeout, 0); // the session has its own, which know a lost connection
    request.put(attribute_dead_conn_timeout, what.dead_conn_timeout);
    request.put(attribute_server_flags, what.flags);
    request.put(attribute_client_flags, destroy_on_disconnect);
    request.put_backend(what.backend);
    request.put_socket(what.socket);
    // The answer is a message with the index before the acknowledgement.
    nl_socket_modify_cb(
        socket_.get(),
        NL_CB_VALID,
        NL_CB_CUSTOM,
        [](nl_msg*, void*) -> int { return NL_OK; },
        nullptr
    );
    return send(request, "connect nbd" + std::to_string(what.index));
}

iscsi::result<void>
nbd_netlink::reconfigure(std::uint32_t index, const std::string& backend, int socket) {
    message request(family_, reconfigure_device, index);
    request.put_backend(backend);
    request.put_socket(socket);
    return send(request, "reconfigure nbd" + std::to_string(index));
}

iscsi::result<void>
nbd_netlink::resize(std::uint32_t index, const std::string& backend, std::uint64_t size) {
    message request(family_, reconfigure_device, index);
    request.put_backend(backend);
    request.put(attribute_size_bytes, size);
    return send(request, "resize nbd" + std::to_string(index));
}

iscsi::result<void> nbd_netlink::disconnect(std::uint32_t index) {
    message request(family_, disconnect_device, index);
    return send(request, "disconnect nbd" + std::to_string(index));
}

} // namespace iscsid::disk
