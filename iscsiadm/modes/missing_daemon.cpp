#include "iscsiadm/modes/missing_daemon.hpp"

#include "libiscsi/admin/lock_holder.hpp"

#include <fmt/core.h>

#include <cerrno>

namespace iscsi::cli {

namespace {

std::string socket_words(const std::filesystem::path& socket, const std::string& error) {
    if (error == std::to_string(ENOENT))
        return fmt::format("there is no socket {}", socket.string());
    if (error == std::to_string(ECONNREFUSED))
        return fmt::format("nobody listens on the socket {}", socket.string());
    return fmt::format("the socket {} cannot be used", socket.string());
}

} // namespace

std::vector<std::string> missing_daemon::lines() const {
    std::vector<std::string> all{socket};
    if (!holder.empty())
        all.push_back(fmt::format(
            "{} has the lock of this socket: it starts or ends, or its socket was removed and it "
            "must be restarted",
            holder
        ));
    else if (!other.empty())
        all.push_back(fmt::format("{} runs with another socket, or its socket was removed", other));
    else
        all.emplace_back("it is started by: systemctl start iscsid.socket (without systemd: iscsid)"
        );
    return all;
}

// The lock beside a socket is iscsid's (iscsid/ipc/listener), unless systemd listens for it.
missing_daemon look_for_daemon(
    const std::filesystem::path& socket,
    const std::string& error,
    const std::filesystem::path& pid_file
) {
    missing_daemon found{socket_words(socket, error), {}, {}};
    if (const auto holder = admin::find_lock_holder(socket.string() + ".lock"))
        found.holder = holder->text();
    else if (const auto other = admin::find_by_pid_file(pid_file, "iscsid"))
        found.other = other->text();
    return found;
}

} // namespace iscsi::cli
