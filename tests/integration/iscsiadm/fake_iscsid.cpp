#include "tests/integration/iscsiadm/fake_iscsid.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace iscsi::cli {

namespace {

constexpr int half_a_minute = 30'000;

int listen_on(const std::filesystem::path& socket) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(socket.string(), address.sun_path);
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    constexpr int backlog = 8;
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener, backlog) != 0)
        throw std::runtime_error("cannot listen on " + socket.string());
    return listener;
}

bool readable(int descriptor, int milliseconds) {
    pollfd one{descriptor, POLLIN, 0};
    return ::poll(&one, 1, milliseconds) > 0;
}

} // namespace

admin::varlink_call caller::read_call() const {
    admin::varlink_splitter splitter;
    while (true) {
        if (const auto message = splitter.next()) {
            const auto call = admin::parse_call(*message);
            return call ? *call : admin::varlink_call{"malformed", {}};
        }
        std::array<char, 4096> chunk{};
        if (!readable(descriptor_, half_a_minute))
            return {};
        const ssize_t got = ::recv(descriptor_, chunk.data(), chunk.size(), 0);
        if (got <= 0 || !splitter.feed({chunk.data(), static_cast<std::size_t>(got)}))
            return {};
    }
}

void caller::send(std::string_view bytes) const {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0)
            return;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void caller::reply(const boost::json::object& parameters, bool continues) const {
    send(admin::format(admin::varlink_reply{parameters, continues, {}}));
}

void caller::wait_for_hang_up() const {
    char byte = 0;
    while (readable(descriptor_, half_a_minute) && ::recv(descriptor_, &byte, 1, 0) > 0) {
    }
}

fake_iscsid::fake_iscsid(
    const std::filesystem::path& socket, std::function<void(const caller&)> serve
)
    : serve_(std::move(serve)), listener_(listen_on(socket)), thread_([this] { run(); }) {}

fake_iscsid::~fake_iscsid() {
    ending_ = true;
    thread_.join();
    ::close(listener_);
}

void fake_iscsid::run() {
    constexpr int look_up_now_and_then = 20;
    while (!ending_) {
        if (!readable(listener_, look_up_now_and_then))
            continue;
        const int descriptor = ::accept(listener_, nullptr, nullptr);
        serve_(caller(descriptor));
        ::close(descriptor);
    }
}

} // namespace iscsi::cli
