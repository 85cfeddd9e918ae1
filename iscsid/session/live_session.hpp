#pragma once

#include "iscsid/session/condition.hpp"
#include "iscsid/session/environment.hpp"
#include "iscsid/session/lun_watch.hpp"
#include "iscsid/session/outcome.hpp"
#include "iscsid/session/planner.hpp"
#include "iscsid/session/reservation.hpp"
#include "iscsid/session/results.hpp"
#include "iscsid/session/session_disks.hpp"
#include "iscsid/session/session_phase.hpp"
#include "iscsid/session/supervisor.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace iscsid::session {

// Who keeps the table of sessions. Called on the control thread.
struct session_owner {
    std::function<void(lane::session_key)> forget; // the session has ended; nothing of it is left
    std::function<bool()> respects_users;          // iscsid.safe_logout, as it is now
};

class session_logout;
class session_stop;

// One session of the daemon, from the wish for it to its end: it logs in on its lane, has its LUNs
// made disks, keeps both up to date while it runs, and takes all down again. Every step is in
// session_phase.hpp; the connection is the supervisor's affair, the disks are session_disks', and
// when to look at the LUNs again is lun_watch's.
//
//   start_login() or resume(), once → the other verbs, in any order, beside each other → forget()
//
// Lives on the control thread. Its coroutines keep it alive; the environment outlives it.
class live_session : public std::enable_shared_from_this<live_session> {
  public:
    // `index`: which of the node's sessions, from 0.
    live_session(
        lane::session_key sid,
        unsigned index,
        login_plan plan,
        const environment& with,
        session_owner owner
    );

    lane::session_key sid() const { return sid_; }

    unsigned index() const { return index_; }

    const iscsi::admin::node_id& node() const { return plan_->node; }

    // "session 1 [iface: default, target: …, portal: …]", for the log.
    const std::string& name() const { return name_; }

    phase current_phase() const { return phase_; }

    // Whether it can end with the daemon: its disks wait for the next one.
    bool outlives_daemon() const { return disks_.outlive_daemon(); }

    // Begins the first login, which tries until initial_login_retry_max × login_timeout are over
    // since it was asked for.
    void start_login(iscsi::instant asked);

    // Returns when the disks are there, or with the code of what went wrong; the session has ended
    // then. Any number of callers may wait.
    boost::asio::awaitable<outcome<login_result>> login_end();

    // In place of start_login(), for the disks that an earlier daemon has left: the session begins
    // as if its connection had just been lost.
    // `detached`: LUNs that are to stay without a disk.
    void resume(std::vector<device::disk_state> left, std::set<std::uint64_t> detached = {});

    // Removes the disks, logs out, ends the session, or cancels its login; works in every phase and
    // ends within the logout timeout unless the target answers. Failures: busy when a disk is in
    // use, and everything goes on as before; logout when it is logged out, but data may be lost.
    // Users are those of its disks: with `as_configured` iscsid.safe_logout says whether they
    // count. A logout that is under way is joined, whoever's it is.
    enum class heeds : std::uint8_t { as_configured, users_always };
    boost::asio::awaitable<outcome<logout_result>> log_out(heeds whom = heeds::as_configured);

    // Whether it is on its way out, by a logout or because it is over; it may yet stay.
    bool is_being_ended() const {
        return waits_to_end_ || phase_ == phase::removing || phase_ == phase::closing;
    }

    // Looks at the LUNs again: attaches new ones, removes those that are gone and not in use,
    // follows capacities, and fails the requests of a LUN that is not the one that it was.
    // Failures: session_not_found, session_not_connected.
    // With `disks` only of those that there are: no LUN becomes a disk or is one no more.
    enum class rescan_of : std::uint8_t { luns, disks };
    boost::asio::awaitable<outcome<rescan_result>> rescan(rescan_of what = rescan_of::luns);

    // Makes this LUN a disk, or takes its disk away so that it stays away: lun_watch has the
    // failures. Also session_not_found, and session_not_connected while it is being made.
    boost::asio::awaitable<outcome<lun_result>> attach_lun(std::uint64_t number);
    boost::asio::awaitable<outcome<lun_result>> detach_lun(std::uint64_t number);

    // What its LUNs are, at once or within seconds; without a connection the disks alone, with a
    // warning. Failures: session_not_found, session_not_connected while it is being made.
    boost::asio::awaitable<outcome<luns_result>> describe_luns();

    // Ends the requests that wait for the connection, as the end of replacement_timeout does; the
    // session goes on trying. Failures: session_not_found, session_not_connected while the first
    // login is under way, invalid_request when nothing waits for a connection.
    boost::asio::awaitable<outcome<fail_io_result>> fail_io();

    // Takes what these keys of its node record say now over while it runs (live_changes). Failures:
    // session_not_found, session_not_connected while the first login is under way, and those of
    // the record and of planner::plan_login(). `node`: its record, as it was read.
    outcome<change_result> change(
        const planner& plans,
        const outcome<iscsi::admin::record>& node,
        const std::vector<std::string>& keys
    );

    // Asks for persistent reservations, or changes them (run_reservation()). Failures:
    // session_not_found, session_not_connected; the rest is in the result.
    boost::asio::awaitable<outcome<reservation_result>> reserve(reservation_request what);

    // Nothing when the lane does not know it any more.
    boost::asio::awaitable<std::optional<session_report>> report();

    // Nothing while its login is under way, and after its end.
    std::optional<session_outline> outline() const;

    // From now on nothing more is done to the disks: the process is about to end.
    void hand_over();

  private:
    friend session_logout; // what callers of log_out() wait for
    friend session_stop;   // the end of it with the daemon

    void on(happening what);
    void perform(action what);
    void move_in(iscsi::session engine, bool resumes);
    supervisor::listeners listeners();

    // ---- the first login (live_session_login.cpp) ----
    void logged_in();
    void login_failed(const failure& why);
    boost::asio::awaitable<void> look_first(std::shared_ptr<live_session> self);
    boost::asio::awaitable<std::optional<device::scan_result>> first_scan();
    boost::asio::awaitable<void> attach_first(device::scan_result seen);

    // ---- the end (live_session_end.cpp) ----
    boost::asio::awaitable<void> remove_disks(std::shared_ptr<live_session> self);
    boost::asio::awaitable<removal_report> detach();

    void refuse_logout(const removal_report& report);
    boost::asio::awaitable<void> close(std::shared_ptr<live_session> self);

    const environment& with_;
    session_owner owner_;
    lane::session_key sid_;
    unsigned index_;
    std::shared_ptr<login_plan> plan_; // changed by change() alone; others see it
    std::string name_;
    phase phase_ = phase::asked;
    condition changed_;
    session_disks disks_;
    std::shared_ptr<supervisor> connection_;
    lun_watch watch_;
    lane::lane* lane_ = nullptr;

    iscsi::instant login_deadline_{};
    unsigned logins_ = 0; // so far; the connection was lost before each but the first
    std::optional<failure> login_failure_; // why it ends, or would end
    warnings login_warnings_;

    bool waits_to_end_ = false;                    // a logout, for changes that have begun
    std::optional<outcome<logout_result>> logout_; // what came of the latest
    iscsi::duration time_to_close_{};
    bool is_cut_off_ = false;  // of its lane, because a removal could not end otherwise
    bool heeds_users_ = false; // in this logout, whatever is configured
    std::string told_refusal_; // of a logout, told once
};

} // namespace iscsid::session
