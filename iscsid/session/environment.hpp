#pragma once

#include "iscsid/device/block_events.hpp"
#include "iscsid/lane/lane.hpp"
#include "iscsid/session/disks.hpp"
#include "iscsid/session/worker_pool.hpp"

#include "libiscsi/admin/record_store.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <functional>
#include <string>

namespace iscsid::session {

// Where the control floor runs its work.
struct executors {
    boost::asio::any_io_executor control;   // the one control thread
    boost::asio::any_io_executor resolvers; // a pool where the name service may block
};

// What the sessions of the daemon work with. All of it outlives them.
struct environment {
    executors where;
    worker_pool* workers = nullptr; // where disk drivers may block
    worker_pool* readers = nullptr; // where the disk of the database may
    disk_tools disks; // no driver: every login is refused, with the words of no_driver
    std::string no_driver;
    device::block_events* devices = nullptr; // none: nothing is heard of them
    iscsi::admin::record_store* records = nullptr;

    // Where the system runs from a disk of ours: records of sessions in the runtime folder, for a
    // daemon that cannot read the database before it has taken that disk over. Else null.
    iscsi::admin::record_store* records_in_memory = nullptr;

    // The pause before LUNs that could not be looked at are looked at again; it doubles each time.
    std::chrono::milliseconds first_pause_of_looks{5000};

    // Between the beginnings of two looks that nobody has asked for, however often the target says
    // that something has changed.
    std::chrono::milliseconds shortest_gap_of_looks{1000};

    // How long the users of a disk that an earlier daemon has left wait for a LUN that is there but
    // busy, or becoming ready: as long as a command gets (lane::identity_check). Then they hear
    // errors until it has said what it is.
    std::chrono::milliseconds patience_with_left{180'000};

    // Is told, on the control thread, that something of a session may have changed: what outline()
    // tells, or whether it is there. Whoever waits for that change goes on afterwards. May be
    // missing.
    std::function<void(lane::session_key)> changed{};

    // Sessions have numbers of SCSI hosts in listings: this and their own.
    std::uint32_t hosts_before = 0;

    std::uint32_t host_of(lane::session_key sid) const { return hosts_before + sid; }

    // The lanes (lane_pool): see lane::adopt() and lane::drop(). Tests put their own here.
    std::function<lane::lane&(lane::session_key, iscsi::session, int, lane::note_handler)> adopt;
    std::function<void(lane::session_key, std::function<void()>)> drop;
};

// For answers that come as soon as a lane turns once.
inline constexpr auto lane_limit = std::chrono::seconds(2);

// For what has a bound of its own, which is then heard whenever it comes.
inline constexpr auto very_long = std::chrono::hours(24 * 365);

} // namespace iscsid::session
