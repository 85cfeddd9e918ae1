#pragma once

#include "iscsid/session/environment.hpp"
#include "iscsid/session/last_flush.hpp"
#include "iscsid/session/live_session.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <vector>

namespace iscsid::session {

// How long the end of the daemon takes.
struct stop_times {
    iscsi::instant users_until{};    // users of disks are waited for
    iscsi::duration without_moves{}; // a last flush may take, since a write or flush succeeded
    iscsi::instant flush_until{};    // the longest, also while writes succeed

    // `limit`: for users and for a last flush that does not get on, together.
    static stop_times within(iscsi::duration limit);
};

// The end of one session because the daemon ends:
//
//   its disks are flushed as they are, with what is on them → nobody uses them any more → logout
//                                                           → time is over → flushed again, refused
//                                                             from then on, and logged out below
//                                                             its users
//
// What is lost is told disk by disk. Lives on the control thread.
class session_stop : public std::enable_shared_from_this<session_stop> {
  public:
    session_stop(const environment& with, std::shared_ptr<live_session> session, stop_times times);

    // Ends by itself: after `users_until`, and some seconds more, or when a last flush ends.
    boost::asio::awaitable<void> run();

    // Whom it waits for, in words, now; empty: nobody.
    const std::vector<disk_user>& waits_for() const { return users_; }

  private:
    void dismiss_clients() const;
    bool is_over() const;
    bool may_end() const;
    std::uint64_t steps() const;
    disk::flush_patience patience_of(iscsi::duration without_moves, iscsi::duration at_most);
    std::vector<attached_disk> mortal_disks() const;
    boost::asio::awaitable<void> forget_disks() const;
    boost::asio::awaitable<void> find_ledgers();
    boost::asio::awaitable<void> look_at_users();
    std::vector<attached_disk> used_among(std::vector<attached_disk> disks) const;
    boost::asio::awaitable<void> flush_as_they_are(std::vector<attached_disk> disks);
    boost::asio::awaitable<void> try_to_log_out();
    boost::asio::awaitable<void> tell_what_is_left();
    boost::asio::awaitable<void> end_for_users();

    const environment& with_;
    std::shared_ptr<live_session> session_;
    stop_times times_;
    std::vector<std::shared_ptr<const lane::write_ledger>> ledgers_; // to see it getting on
    std::vector<disk_user> users_;
    bool is_stuck_ = false; // in a logout that did not end in time
};

// Runs all of them beside each other.
boost::asio::awaitable<void>
run_all(const environment& with, std::vector<std::shared_ptr<session_stop>> stops);

} // namespace iscsid::session
