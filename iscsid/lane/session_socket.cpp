#include "iscsid/lane/session_socket.hpp"

#include "libiscsi/core/session/event.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace iscsid::lane {

namespace {

// The most that one system call takes (IOV_MAX).
constexpr std::size_t longest_vector = 1024;

template <class Span>
void to_iovecs(std::span<const Span> plan, std::vector<iovec>& to) {
    to.clear();
    for (const Span& each : plan.first(std::min(plan.size(), longest_vector)))
        // An iovec has no const form; what is sent is only read.
        to.push_back({const_cast<std::byte*>(each.data()), each.size()});
}

// At its close the kernel drops what it has not sent yet, and resets the connection. Else it would
// go on sending it for minutes, when this process is killed, too, and a write that has failed long
// ago could land on what another session has written since.
void drop_unsent_at_close(int socket) {
    const ::linger at_once{1, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void send_rest_at_close(int socket) {
    const ::linger in_background{0, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &in_background, sizeof in_background);
}

iscsi::fault system_fault(const char* what, std::int32_t result) {
    return {boost::system::error_code(-result, boost::system::system_category()), what, {}, {}};
}

} // namespace

session_socket::session_socket(int socket, ring& io, socket_owner& owner)
    : socket_(socket), io_(io), owner_(owner) {
    receive_vector_.reserve(longest_vector);
    send_vector_.reserve(longest_vector);
    if (is_open())
        drop_unsent_at_close(socket_);
}

session_socket::~session_socket() {
    if (is_open())
        ::close(socket_);
}

void session_socket::open(int socket) {
    socket_ = socket;
    drop_unsent_at_close(socket_);
}

void session_socket::receive(std::span<const iscsi::mutable_bytes> plan) {
    to_iovecs(plan, receive_vector_);
    if (receive_vector_.empty())
        return;
    receive_under_way_ = true;
    io_.receive_vector(socket_, receive_vector_, *this, receiving);
}

void session_socket::send(std::span<const iscsi::bytes_view> plan, ending end) {
    to_iovecs(plan, send_vector_);
    if (send_vector_.empty())
        return;
    send_under_way_ = true;
    io_.send_vector(socket_, send_vector_, *this, sending, end);
}

void session_socket::close(const iscsi::fault& why) {
    if (!is_open() || closing_)
        return;
    closing_ = why;
    ::shutdown(socket_, SHUT_RDWR);
    if (receive_under_way_)
        io_.cancel(*this, receiving);
    if (send_under_way_)
        io_.cancel(*this, sending);
    finish_close();
}

void session_socket::end_stream() {
    if (is_open())
        send_rest_at_close(socket_);
    close({});
}

void session_socket::finish_close() {
    if (receive_under_way_ || send_under_way_)
        return;
    ::close(std::exchange(socket_, -1));
    const iscsi::fault why = *std::exchange(closing_, std::nullopt);
    owner_.closed(why);
}

void session_socket::ring_done(std::uint32_t operation, std::int32_t result) {
    (operation == receiving ? receive_under_way_ : send_under_way_) = false;
    if (closing_)
        finish_close();
    else if (operation == receiving)
        receive_done(result);
    else
        send_done(result);
}

void session_socket::receive_done(std::int32_t result) {
    if (result < 0)
        close(system_fault("receive", result));
    else if (result == 0)
        close({iscsi::to_error_code(iscsi::session_errc::target_closed), {}, {}, {}});
    else
        owner_.received(static_cast<std::size_t>(result));
}

void session_socket::send_done(std::int32_t result) {
    if (result < 0)
        close(system_fault("send", result));
    else
        owner_.sent(static_cast<std::size_t>(result));
}

} // namespace iscsid::lane
