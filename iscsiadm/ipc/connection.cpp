#include "iscsiadm/ipc/connection.hpp"

#include "iscsiadm/ipc/client.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

namespace iscsi::cli {

namespace {

// The third text of a fault, what was expected, says nothing here: the code does.
fault client_fault(client_errc code, std::string field = {}, std::string got = {}) {
    return {to_error_code(code), std::move(field), std::move(got), {}};
}

std::string error_text(int error) {
    return std::generic_category().message(error);
}

// No socket, nobody who listens and no permission are the three that a user can do something about.
fault connect_fault(const std::filesystem::path& socket, int error) {
    const bool denied = error == EACCES || error == EPERM;
    const auto code = denied ? client_errc::access_denied : client_errc::not_running;
    return client_fault(code, socket.string(), std::to_string(error));
}

// The peer closes with unread bytes of ours: ECONNRESET or EPIPE, and as final as an end of the
// stream.
fault broken(int error) {
    return client_fault(client_errc::cut, "socket", error_text(error));
}

// A local connect ends at once; EAGAIN means that the daemon's queue of callers is full.
int connect_once(int descriptor, const sockaddr_un& address) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets API
    const auto* any = reinterpret_cast<const sockaddr*>(&address);
    return ::connect(descriptor, any, sizeof address) == 0 ? 0 : errno;
}

} // namespace

result<connection>
connection::open(const std::filesystem::path& socket, clock::time_point deadline) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // A path that does not fit is refused: connect(2) would take the beginning of it for another
    // socket.
    const std::string path = socket.string();
    if (path.size() >= sizeof address.sun_path)
        return connect_fault(socket, ENAMETOOLONG);
    std::ranges::copy(path, address.sun_path);
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return connect_fault(socket, errno);
    connection opened(descriptor);
    int error = connect_once(descriptor, address);
    // A Unix socket whose queue is full cannot be waited for with poll(2); it is asked again, until
    // the deadline.
    while (error == EAGAIN || error == EINTR) {
        if (clock::now() >= deadline)
            return client_fault(client_errc::timed_out, socket.string());
        constexpr std::chrono::milliseconds pause{20};
        std::this_thread::sleep_for(pause);
        error = connect_once(descriptor, address);
    }
    if (error != 0)
        return connect_fault(socket, error);
    return opened;
}

connection::connection(connection&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), splitter_(std::move(other.splitter_)) {}

connection::~connection() {
    if (descriptor_ >= 0)
        ::close(descriptor_);
}

pid_t connection::peer_process() const {
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(descriptor_, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

result<void> connection::wait_for(short events, clock::time_point deadline) const {
    using std::chrono::milliseconds;
    while (true) {
        // Rounded up: a wait rounded down to 0 ms would turn the last millisecond into a busy loop.
        const auto left = std::chrono::ceil<milliseconds>(deadline - clock::now());
        if (left <= milliseconds::zero())
            return client_fault(client_errc::timed_out);
        // poll's int of milliseconds would overflow after 24 days; so it is called again and again.
        constexpr milliseconds longest{60'000};
        pollfd one{descriptor_, events, 0};
        const int ready = ::poll(&one, 1, static_cast<int>(std::min(left, longest).count()));
        if (ready > 0)
            return boost::system::in_place_value;
        if (ready < 0 && errno != EINTR)
            return broken(errno);
    }
}

result<void> connection::send(std::string_view bytes, clock::time_point deadline) {
    while (!bytes.empty()) {
        // MSG_NOSIGNAL: a daemon that goes away is a fault to report, not the end of this program.
        const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
            continue;
        }
        if (errno != EAGAIN && errno != EINTR)
            return broken(errno);
        if (const auto writable = wait_for(POLLOUT, deadline); !writable)
            return writable.error();
    }
    return boost::system::in_place_value;
}

result<std::string> connection::receive(clock::time_point deadline) {
    while (true) {
        if (auto message = splitter_.next())
            return *std::move(message);
        if (const auto readable = wait_for(POLLIN, deadline); !readable)
            return readable.error();
        if (const auto more = read_more(); !more)
            return more.error();
    }
}

result<void> connection::read_more() {
    // A list of sessions is a few hundred bytes for each; one read mostly holds the whole reply.
    std::array<char, 65536> chunk{};
    const ssize_t got = ::recv(descriptor_, chunk.data(), chunk.size(), 0);
    if (got == 0)
        return client_fault(
            client_errc::cut, "socket", splitter_.holds_part() ? "end inside a message" : "end"
        );
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? result<void>(boost::system::in_place_value)
                                                 : result<void>(broken(errno));
    const auto fed = splitter_.feed({chunk.data(), static_cast<std::size_t>(got)});
    if (!fed)
        return client_fault(client_errc::malformed, "reply", fed.error().text());
    return boost::system::in_place_value;
}

} // namespace iscsi::cli
