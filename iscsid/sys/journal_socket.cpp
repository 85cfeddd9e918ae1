#include "iscsid/sys/journal_socket.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <string_view>

namespace iscsid::sys {

namespace {

// A value with a newline follows its name by its length, 64 bits in little endian.
void append_field(std::string_view field, std::string& to) {
    const auto value = field.substr(field.find('=') + 1);
    if (value.find('\n') == std::string_view::npos) {
        to.append(field).append("\n");
        return;
    }
    to.append(field.substr(0, field.find('='))).append("\n");
    for (std::uint64_t left = value.size(), i = 0; i < sizeof left; ++i, left >>= 8U)
        to.push_back(static_cast<char>(left & 0xffU));
    to.append(value).append("\n");
}

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
}

} // namespace

// Named anew each time: another journald may listen by now.
bool journal_socket::send(std::span<const std::string> fields) {
    if (!socket_)
        socket_ = os::descriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_)
        return false;
    std::string message;
    for (const auto& each : fields)
        append_field(each, message);
    const auto address = address_of(path_);
    const auto sent = ::sendto(
        socket_.number(),
        message.data(),
        message.size(),
        MSG_NOSIGNAL,
        reinterpret_cast<const sockaddr*>(&address), // NOLINT: as POSIX has it
        sizeof address
    );
    return sent >= 0;
}

} // namespace iscsid::sys
