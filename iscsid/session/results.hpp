#pragma once

#include "iscsid/lane/lane.hpp"
#include "iscsid/session/login_plan.hpp"

#include "libiscsi/net/resolver.hpp"
#include "libiscsi/scsi/logical_unit.hpp"

#include <cstdint>
#include <functional>
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
    std::vector<std::string> notes{}; // what is as it should be, and good to know
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

// What is the matter with one LUN.
enum class lun_state : std::uint8_t {
    running,   // it is a disk
    offline,   // it is a disk, all I/O of which fails
    lost,      // somebody has taken its device away, and it is to get another
    waiting,   // its disk was left by an earlier daemon and is not taken over yet
    no_disk,   // it could be one
    detached,  // the same; a user has had it detached
    unusable,  // it can be no disk
    no_answer, // it has not said what it is in time, be it a disk or not
};

// All that people want to know of one LUN.
struct lun_details {
    std::uint64_t number = 0;
    std::string kind;              // in the words of SPC-4; "": not known
    scsi::logical_unit properties; // without blocks: its size, and what it is like, are not known
    lun_state is = lun_state::no_answer;
    std::string why;  // of a state that needs a reason
    std::string node; // under /dev
    bool has_disk = false;
};

struct luns_result {
    warnings of{};
    std::vector<lun_details> luns{};
};

// Requests that waited for a connection and have failed.
struct fail_io_result {
    std::size_t commands = 0;
    warnings of{};
};

// Keys of a node record whose values a session has taken over while it runs.
struct change_result {
    std::vector<std::string> now;      // they hold for what comes next
    std::vector<std::string> at_login; // they hold when this session logs in again
    std::vector<std::string> later;    // only another session takes them
};

struct lun_report {
    std::uint64_t number = 0;
    std::string node; // "ublkb0", empty without one
    bool is_offline = false;
    std::shared_ptr<const lane::io_meter> io{}; // none: nothing was ever asked of it
};

// What a session is, and between whom.
struct session_facts {
    lane::session_key sid = 0;
    std::uint32_t host_number = 0;
    std::shared_ptr<const login_plan> plan{}; // has secrets
    iscsi::net::endpoint peer{};
    iscsi::net::endpoint local{};
};

// All there is to know of one session.
struct session_report : session_facts {
    std::string_view internal_state{};
    bool is_in_login = false;  // for the first time
    bool is_in_logout = false; // or ends for another reason
    lane::session_view seen{};
    std::vector<lun_report> luns{};
};

// What is known of a session whose login has succeeded without asking anybody.
struct session_outline : session_facts {
    bool is_up = false;          // it has a connection
    bool has_left_disks = false; // of an earlier daemon, which wait to be taken over
    std::vector<lun_details> disks{};
};

// What open-iscsi prints while it tries: one line each.
using note_taker = std::function<void(std::string)>;

// Where and how to discover targets.
struct discovery_request {
    std::string address;
    std::uint16_t port = iscsi::iscsi_port;
    bool use_record = true; // else the template of iscsid.conf
    std::string interface;  // empty: the daemon's own
    iscsi::admin::source_kind kind = iscsi::admin::source_kind::send_targets;
};

// A portal of a target, as SendTargets or an iSNS server told it. group_tag is -1 when it did not.
struct discovered_portal {
    std::string target;
    std::string address;
    std::uint16_t port = iscsi::iscsi_port;
    int group_tag = -1;
};

} // namespace iscsid::session
