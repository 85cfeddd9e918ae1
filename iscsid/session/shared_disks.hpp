#pragma once

#include "iscsid/device/registry.hpp"
#include "iscsid/session/login_plan.hpp"
#include "iscsid/session/shared_device.hpp"

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace iscsid::session {

// In what two sessions do not agree about a LUN, so that it cannot be one disk of both; "": in
// nothing. Pure.
std::string difference_of(const scsi::logical_unit& one, const scsi::logical_unit& other);

// Which sessions make one disk of a LUN (iscsid.disk.share_sessions): those of one node that offer
// it at the same time, as their logins do, or that an earlier daemon has left with one device. A
// device has its queues for life, so whoever is to have one must be there when it is made: the
// offers of a session wait for those of the others, but not for long.
//
//   coming() → join() for each LUN, offer(), then declare() → make() of each → settled() … gone()
//
// Any thread; make() and adopt() block, on a worker.
class shared_disks {
  public:
    struct patience {
        // For a session whose login is under way, and for one that has its disks and may look at
        // the same LUN right now.
        std::chrono::milliseconds with_login{30'000};
        std::chrono::milliseconds with_running{1'000};
    };

    // `joins_new`: new disks are shared; those that an earlier daemon has left are what they are.
    explicit shared_disks(bool joins_new, patience times) : joins_new_(joins_new), times_(times) {}

    explicit shared_disks(bool joins_new) : shared_disks(joins_new, patience()) {}

    // ---- sessions ----

    // A session begins; only one of several that its record asks for has anything to share.
    void coming(lane::session_key sid, const login_plan& plan);
    void settled(lane::session_key sid); // it has offered what it had at its login
    void gone(lane::session_key sid);

    // What it offers now waits for nobody any more.
    void hurry(lane::session_key sid);

    // One of an earlier daemon, with the disks that this has left: before any session adopts such a
    // disk.
    void
    resume(lane::lane& where, const login_plan& plan, const std::vector<device::disk_state>& left);

    // ---- new disks ----

    class deal;
    using deal_pointer = std::shared_ptr<deal>;

    // A LUN that the session is about to make a disk; nullptr: it has nothing to share. The nonce
    // of the deal is that of the disk, and begins as that of the state.
    deal_pointer join(const device::disk_state& state);
    static std::uint64_t nonce_of(const deal& which);

    // After make(): whether it was to be one of more than one session.
    static bool is_of_several(const deal& which);
    void offer(deal& which, const disk::disk_path& path);

    // All LUNs of the session are on offer, until the end of this object.
    class declaration {
      public:
        declaration(shared_disks& to, std::set<lane::session_key> whose);
        ~declaration();
        declaration(const declaration&) = delete;
        declaration& operator=(const declaration&) = delete;
        declaration(declaration&&) = delete;
        declaration& operator=(declaration&&) = delete;

      private:
        shared_disks& to_;
        std::set<lane::session_key> whose_;
    };

    // Waits for the other sessions; then one of them makes the disk, for all. Faults: as the
    // driver's.
    iscsi::result<shared_disk>
    make(const deal_pointer& which, disk::driver& with, lane::session_key sid);

    // ---- disks that an earlier daemon has left ----

    // The first session takes it over with the paths of all; a session that is not connected yet
    // lets its queue wait.
    iscsi::result<shared_disk>
    adopt(disk::driver& with, const disk::disk_path& path, const std::string& node);

  private:
    struct member {
        std::string group;
        bool is_settled = false;
    };

    bool waits_for_others(const deal& which, std::chrono::steady_clock::time_point since) const;
    void take_left(lane::lane& where, const device::disk_state& state);
    bool has_company(const deal& which) const;
    void tell_mismatch(const deal& open, const device::disk_state& state) const;

    std::mutex guard_; // of what follows
    std::condition_variable changed_;
    const bool joins_new_;
    const patience times_;
    std::map<lane::session_key, member> members_;
    std::multiset<lane::session_key> declared_;
    std::vector<deal_pointer> open_;
    std::map<std::uint64_t, deal_pointer> left_; // by nonce
};

} // namespace iscsid::session
