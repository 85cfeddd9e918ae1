#pragma once

#include "libiscsi/admin/messages.hpp"

#include <optional>
#include <string>
#include <vector>

namespace iscsi::cli {

// "tcp: [5] 10.9.9.1:3260,1 iqn.2020-01.test:t1 (non-flash)" a line.
std::string flat_sessions(const std::vector<admin::session_info>& sessions);

// The CHAP secrets of a session. They come from its node record, never from the daemon.
struct session_secrets {
    std::string password, password_in;
};

// What the interface of a session is bound to; empty when it is bound to nothing.
struct session_binding {
    std::string hardware_address, net_device;
};

// Without -S `secrets` is unset, and the lines show stars.
struct shown_session {
    admin::session_info info;
    std::optional<session_secrets> secrets; // set with -S
    session_binding binding = {};
};

// `-m session -P LEVEL`, 1 to 3. Sessions of one target and portal that follow each other are
// joined by a blank line.
std::string session_tree(const std::vector<shown_session>& sessions, int level);

// "Stats for session [sid: 5, …]", then a line for each counter.
std::string session_statistics(const std::vector<admin::session_info>& sessions);

// "tcp: [2] 10.9.9.1,[<empty>],<empty> <empty>": the host of each session.
// Fields that an adapter would fill are "<empty>".
std::string flat_hosts(const std::vector<admin::session_info>& sessions);
// Level 1 to 4: from 2 on with the session, from 3 on with what it agreed on, with 4 its disks.
std::string host_blocks(const std::vector<shown_session>& sessions, int level);

} // namespace iscsi::cli
