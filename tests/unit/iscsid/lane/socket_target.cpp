#include "tests/unit/iscsid/lane/socket_target.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace iscsid::lane::test {

socket_target::socket_target(iscsi::test::target_options options, iscsi::test::disk_options disk)
    : target_(std::move(options), std::move(disk))
    , bell_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC))
    , thread_([this] { run(); }) {}

socket_target::~socket_target() {
    {
        const std::scoped_lock guard(lock_);
        running_ = false;
    }
    wake();
    thread_.join();
    drop_connections();
    ::close(bell_);
}

int socket_target::connect() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw std::runtime_error("socketpair");
    const std::scoped_lock guard(lock_);
    connections_.emplace_back(ends[1], target_);
    wake();
    return ends[0];
}

void socket_target::drop_connections() {
    const std::scoped_lock guard(lock_);
    for (const connection& each : connections_)
        ::close(each.socket);
    connections_.clear();
    wake();
}

void socket_target::with(const std::function<void(iscsi::test::memory_target&)>& act) {
    const std::scoped_lock guard(lock_);
    act(target_);
}

void socket_target::each_link(const std::function<void(iscsi::test::target_link&)>& act) {
    const std::scoped_lock guard(lock_);
    for (connection& each : connections_) {
        act(each.link);
        send_output(each);
    }
}

void socket_target::run() {
    std::vector<pollfd> polled;
    for (;;) {
        polled.assign(1, {bell_, POLLIN, 0});
        {
            const std::scoped_lock guard(lock_);
            if (!running_)
                return;
            for (const connection& each : connections_)
                polled.push_back({each.socket, POLLIN, 0});
        }
        ::poll(polled.data(), polled.size(), -1);
        eventfd_t ignored = 0;
        ::eventfd_read(bell_, &ignored);
        const std::scoped_lock guard(lock_);
        std::erase_if(connections_, [this](connection& each) { return !serve(each); });
    }
}

// False: the connection is over.
bool socket_target::serve(connection& which) {
    for (;;) {
        const auto n = ::recv(which.socket, input_.data(), input_.size(), MSG_DONTWAIT);
        if (n <= 0) {
            const bool over = n == 0 || errno != EAGAIN;
            if (!over && send_output(which) && !which.link.is_over())
                return true;
            ::close(which.socket);
            return false;
        }
        which.link.received(std::span(input_).first(static_cast<std::size_t>(n)));
    }
}

bool socket_target::send_output(connection& which) {
    const auto output = which.link.take_output();
    for (std::size_t sent = 0; sent < output.size();) {
        const auto n =
            ::send(which.socket, output.data() + sent, output.size() - sent, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        sent += static_cast<std::size_t>(n);
    }
    return true;
}

void socket_target::wake() const {
    ::eventfd_write(bell_, 1);
}

} // namespace iscsid::lane::test
