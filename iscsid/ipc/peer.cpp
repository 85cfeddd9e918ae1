#include "iscsid/ipc/peer.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace iscsid::ipc {

namespace {

// More than 1024 groups are taken for none: such a user asks as root.
bool has_group(int socket, gid_t primary, gid_t wanted) {
    if (primary == wanted)
        return true;
    constexpr std::size_t most = 1024;
    std::vector<gid_t> groups(most);
    auto bytes = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) != 0)
        return false;
    groups.resize(bytes / sizeof(gid_t));
    return std::find(groups.begin(), groups.end(), wanted) != groups.end();
}

} // namespace

// A peer that cannot be identified may do nothing.
peer identify(int socket, std::optional<gid_t> group) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return {};
    peer who{credentials.pid, credentials.uid};
    who.may_change = credentials.uid == 0 || credentials.uid == ::geteuid();
    who.may_ask = who.may_change || (group && has_group(socket, credentials.gid, *group));
    return who;
}

} // namespace iscsid::ipc
