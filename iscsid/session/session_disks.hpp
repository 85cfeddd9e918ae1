#pragma once

#include "iscsid/device/lun_probe.hpp"
#include "iscsid/device/scanner.hpp"
#include "iscsid/session/condition.hpp"
#include "iscsid/session/detached_luns.hpp"
#include "iscsid/session/environment.hpp"
#include "iscsid/session/removal.hpp"
#include "iscsid/session/rescan.hpp"
#include "iscsid/session/results.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace iscsid::session {

// What is remembered of each disk of that session: of the LUN itself there is nothing in it yet.
device::disk_state new_disk_of(
    lane::session_key sid, unsigned index, const login_plan& plan, const iscsi::net::endpoint& peer
);

// The LUNs of one session and the disks that are made of them, with the disks of an earlier daemon
// that have not been taken over yet ("left disks"). What changes disks runs on a worker, one job at
// a time: a caller waits for is_changing() to end before it begins. Lives on the control thread;
// its coroutines are those of the session, which outlives them.
class session_disks {
  public:
    // `changed` is told when a job of a worker has ended. `name`: of the session, for the log.
    session_disks(
        const environment& with, condition& changed, lane::session_key sid, std::string name
    );

    // Where the session lives. To be told before anything else but inherit().
    void move_to(lane::lane& lane) { lane_ = &lane; }

    // A disk that an earlier daemon has left.
    void inherit(device::disk_state left);

    // ---- what there is ----
    const std::vector<device::disk_state>& left_disks() const { return left_; }

    const std::vector<attached_disk>& attached() const { return disks_; }

    bool is_changing() const { return is_changing_; }

    // All I/O of some disk fails because its unit could not be looked at.
    bool has_unverified() const;

    // There are disks, and all of them wait for the next daemon when this one ends.
    bool outlive_daemon() const;

    std::vector<lun_report> report() const;

    // Whether its device is another's now.
    bool is_lost(std::uint64_t number) const;

    bool has_lost() const;

    // The disks that are lost since the last call, in words; udev hears of it on a worker. Not
    // while is_changing(): a job may be what ends a device.
    std::vector<std::string> note_losses();

    // Under /dev; "" when the LUN has no node, or what has its name is another's.
    std::string node_of(const iscsi::lun_field& lun) const;

    // The same of a LUN that has a disk, or one that an earlier daemon has left.
    std::optional<std::string> disk_of(std::uint64_t number) const;
    bool is_left(std::uint64_t number) const;

    // Which LUNs get no disk by themselves.
    detached_luns& detached() { return detached_; }

    // ---- the target's LUNs ----

    // Asks the target, over the lane. Fault: no answers, because the connection is lost mostly.
    boost::asio::awaitable<iscsi::result<device::scan_result>> look() const;

    // The same for one LUN, whether the target lists it or not.
    boost::asio::awaitable<iscsi::result<device::probed_lun>> look_at(std::uint64_t number) const;

    // Everything about each LUN, for people: by a look that takes seconds and changes nothing. The
    // second form asks nobody, and knows the disks only. Fault: as of look().
    boost::asio::awaitable<iscsi::result<std::vector<lun_details>>> describe() const;
    std::vector<lun_details> describe_disks() const;

    // Asks each attached unit, or the only one that matters, whether it is there at all, and fails
    // the requests of those that the target has removed: whatever waits for them ends at once.
    // Takes `limit` at most.
    boost::asio::awaitable<void>
    fail_removed_units(iscsi::duration limit, std::optional<std::uint64_t> only = {});

    // Fails the requests of a disk that is on its way out and does not get on: those that the
    // target does not have, or all, whatever it does with them.
    enum class which : std::uint8_t { unsent, all };
    void give_up(std::uint64_t number, which of_them);

    // ---- changes, on a worker ----

    // What a scan has seen, applied. `whose`: the words of the session for new disks.
    struct scan_orders {
        device::disk_state whose;
        bool attach_new = true;
        bool remove_gone = false; // the target has said that its list has changed, or a user asks
    };

    boost::asio::awaitable<warnings> follow(device::scan_result seen, scan_orders orders);

    // Makes one more LUN a disk, of what a look has found; no other is touched. Returns what went
    // wrong.
    boost::asio::awaitable<warnings>
    attach(std::uint64_t number, device::probed_lun seen, device::disk_state whose);

    // Takes over what is left, with all its requests failing: its users have waited for as long as
    // they were promised, now they hear errors until the target is back and shows that the LUNs are
    // the same.
    boost::asio::awaitable<void> take_over_without_target();

    // Which disk of an earlier daemon is in use; "" if none.
    boost::asio::awaitable<std::string> user_of_left_disks() const;

    // Begins to remove all attached disks; keep() must be called with what is left of them.
    void start_removal(removal_orders how, std::function<void(removal_report)> done);
    void continue_removal(std::vector<attached_disk> of, std::function<void(removal_report)> done);

    void keep(std::vector<attached_disk> left) { disks_ = std::move(left); }

    // The same for one disk; end_removal_of() must be called with what came of it. `how` has a
    // progress.
    void start_removal_of(
        std::uint64_t number, removal_orders how, std::function<void(removal_report)> done
    );
    void end_removal_of(std::uint64_t number, const removal_report& report);

    // For a logout: returns once is_changing() is false. The removal of one disk has `limit`, and
    // more while writes and flushes succeed; then all its requests fail.
    boost::asio::awaitable<void> changes_end(iscsi::duration limit);

  private:
    device::execute_function executor() const;
    boost::asio::awaitable<warnings> apply(disk_changes changes);
    void post_removal(
        std::vector<attached_disk> of, removal_orders how, std::function<void(removal_report)> done
    );

    const environment& with_;
    condition& changed_;
    lane::session_key sid_;
    std::string name_;
    lane::lane* lane_ = nullptr;
    detached_luns detached_;
    std::vector<std::uint64_t> seen_; // LUNs with a usable disk, by the latest scan
    std::vector<attached_disk> disks_;
    std::vector<device::disk_state> left_;
    std::optional<iscsi::instant> left_looked_at_; // for the first time
    bool is_changing_ = false;

    struct removal_of_one {
        std::uint64_t number = 0;
        std::shared_ptr<removal_progress> progress;
        bool bars_others = false; // requests of other sessions of the disk fail until its end
    };

    std::optional<removal_of_one> going_;
};

} // namespace iscsid::session
