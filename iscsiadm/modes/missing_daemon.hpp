#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace iscsi::cli {

// Why nobody could be reached at a socket, for people who have just been told that iscsid is not
// running: a daemon may run all the same, when its socket has been removed or another one is asked.
struct missing_daemon {
    std::string socket; // "there is no socket /run/iscsid/iscsid.sock"
    std::string holder; // "process 4711 (iscsid)", which has the lock of this socket; mostly empty
    std::string other;  // the same, which runs and has another one; mostly empty

    // One line each for stderr.
    std::vector<std::string> lines() const;
};

// The error number is that of connect(2), as text; the PID file is that of iscsid's unit.
missing_daemon look_for_daemon(
    const std::filesystem::path& socket,
    const std::string& error,
    const std::filesystem::path& pid_file = "/run/iscsid.pid"
);

} // namespace iscsi::cli
