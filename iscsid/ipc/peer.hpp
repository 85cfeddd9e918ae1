#pragma once

#include <sys/types.h>

#include <optional>

namespace iscsid::ipc {

// Who is at the other end of a unix socket, and what they may do.
// It is what the kernel knew when the client connected; a process that drops its rights later keeps
// what it had, as with any open file.
struct peer {
    pid_t process = 0;
    uid_t user = 0;
    bool may_change = false; // root, or the user that the daemon runs as
    bool may_ask = false;    // also members of iscsid.ipc_group
};

// By SO_PEERCRED and SO_PEERGROUPS: as the kernel knew them when they connected. `group`: that of
// iscsid.ipc_group, if it is set.
peer identify(int socket, std::optional<gid_t> group);

} // namespace iscsid::ipc
