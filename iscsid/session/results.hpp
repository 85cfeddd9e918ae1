#pragma once

#include "iscsid/lane/lane.hpp"
#include "iscsid/session/login_plan.hpp"

#include "libiscsi/net/resolver.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// What the verbs of the manager give back, besides a failure (outcome.hpp). The socket's messages
// are made of these by iscsid/ipc.
namespace iscsid::session {

// One line each for whoever asked: what is not well although the job succeeded.
using warnings = std::vector<std::string>;

struct login_result {
    lane::session_key sid = 0;
    warnings of{};
};

struct logout_result {
    warnings of{};
};

struct rescan_result {
    warnings of{};
};

// Of attaching or detaching one LUN. Without `has_changed` it was done already.
struct lun_result {
    warnings of{};
    std::string disk; // its name under /dev, now or until now; "" without one
    bool has_changed = true;
};

// Requests that waited for a connection and have failed.
struct fail_io_result {
    std::size_t commands = 0;
    warnings of{};
};

struct lun_report {
    std::uint64_t number = 0;
    std::string node; // "ublkb0", empty without one
    bool is_offline = false;
    std::shared_ptr<const lane::io_meter> io{}; // none: nothing was ever asked of it
};

// All there is to know of one session.
struct session_report {
    lane::session_key sid = 0;
    std::shared_ptr<const login_plan> plan; // has secrets
    iscsi::net::endpoint peer;
    iscsi::net::endpoint local;
    std::string_view internal_state;
    bool is_in_login = false; // for the first time
    lane::session_view seen;
    std::vector<lun_report> luns;
};

// Where and how to discover targets.
struct discovery_request {
    std::string address;
    std::uint16_t port = iscsi::iscsi_port;
    bool use_record = true; // else the template of iscsid.conf
    std::string interface;  // empty: the daemon's own
};

// A portal of a target, as SendTargets told it. group_tag is -1 when it did not.
struct discovered_portal {
    std::string target;
    std::string address;
    std::uint16_t port = iscsi::iscsi_port;
    int group_tag = -1;
};

} // namespace iscsid::session
