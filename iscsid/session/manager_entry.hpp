#pragma once

#include "iscsid/session/manager.hpp"
#include "iscsid/session/rescan.hpp"

#include "libiscsi/net/pending.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <chrono>

// What the files of the manager share.
namespace iscsid::session {

// For answers that come as soon as a lane turns once.
inline constexpr auto lane_limit = std::chrono::seconds(2);
// Attaching waits for the kernel; the answer must be heard whenever it comes.
inline constexpr auto very_long = std::chrono::hours(24 * 365);

// "session 1 [iface: default, target: …, portal: …]", for the log.
std::string label(lane::session_key sid, const login_plan& plan);

// One session in the table.
struct manager::entry {
    enum class phase : std::uint8_t { logging_in, running, logging_out };

    entry(
        lane::session_key key,
        unsigned nth,
        login_plan what,
        const boost::asio::any_io_executor& control
    )
        : sid(key), index(nth), plan(std::move(what)), login_over(control), later(control) {}

    std::string name() const { return label(sid, plan); }

    lane::session_key sid;
    unsigned index; // which of the node's sessions
    login_plan plan;
    phase now = phase::logging_in;
    boost::asio::cancellation_signal cancel;
    iscsi::net::pending<bool> login_over;
    lane::lane* home = nullptr;
    std::vector<device::found_lun> found;
    std::vector<attached_disk> disks;
    std::vector<device::disk_state> orphans; // disks of an earlier daemon, not taken over yet
    std::shared_ptr<supervisor> watch;
    std::string told_refusal;        // of a logout, told once
    bool is_scanned = false;         // a rescan is under way
    bool is_cut_off = false;         // of its lane, because a removal could not end otherwise
    std::uint64_t answers_seen = 0;  // by a logout that waits
    bool is_changed = false;         // its disks are being attached, removed or adopted
    bool list_changed = false;       // the target has said so, or a user asks: what is gone may go
    bool scan_again = false;         // and something has changed meanwhile
    bool finds_new_luns = true;      // in that scan
    boost::asio::steady_timer later; // another look at disks that could not be looked at
    unsigned looks_in_vain = 0;
};

} // namespace iscsid::session
