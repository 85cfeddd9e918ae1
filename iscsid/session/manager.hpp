#pragma once

#include "iscsid/session/discovery_job.hpp"
#include "iscsid/session/environment.hpp"
#include "iscsid/session/live_session.hpp"
#include "iscsid/session/login_room.hpp"
#include "iscsid/session/memory_return.hpp"
#include "iscsid/session/planner.hpp"
#include "iscsid/session/results.hpp"
#include "iscsid/session/session_stop.hpp"
#include "iscsid/session/session_table.hpp"

#include <functional>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

namespace iscsid::session {

// A login that is under way; session->login_end() waits for it.
struct login_under_way {
    std::shared_ptr<live_session> session;
    login_claim claim; // of the caller; empty when it does not wait
};

// For somebody who tries again by himself: of a login that is begun, not of one that is joined.
struct login_terms {
    std::function<void(const failure&)> hears_failures{}; // of each try, in place of the log
    bool tries_once = false;                              // whatever initial_login_retry_max says
    std::optional<iscsi::instant> asked{};                // since when its time runs; now
};

// The table of sessions, its limits, and the verbs that the socket offers. Lives on the control
// thread; every verb is a coroutine, and they run beside each other.
class manager {
  public:
    manager(environment with, current_settings settings);
    ~manager();
    manager(const manager&) = delete;
    manager& operator=(const manager&) = delete;

    void use(current_settings settings) { planner_.use(std::move(settings)); }

    const current_settings& settings() const { return planner_.settings(); }

    // Who reads the records as they are now.
    const planner& plans() const { return planner_; }

    // Whether there is a session with it whose login has succeeded, through any portal.
    bool has_session(std::string_view target) const { return sessions_.is_reached(target); }

    // As they are now: see there.
    const node_records& records() const { return planner_.records(); }

    // The logins that a login to this node is: nr_sessions less the sessions that are up and stay.
    // Failure: session_exists.
    outcome<unsigned> logins_to(const iscsi::admin::record& node) const {
        return session::logins_to(node, sessions_);
    }

    // Whether a login to this node has to wait for logouts first, as wait_for_logouts() does.
    bool is_being_left(const iscsi::admin::node_id& node) const {
        return session::is_being_left(node, sessions_);
    }

    auto wait_for_logouts(iscsi::admin::record node, login_time of) const {
        return session::wait_for_logouts(std::move(node), of, sessions_);
    }

    // One of these: joins the oldest login to the node that is under way, but none of `joined`, or
    // begins another one. It is cancelled when nobody has a claim any more, but with `waiting::no`.
    // Failures: those of logins_to(), login while a session is still being logged out, and why it
    // cannot begin.
    enum class waiting : bool { no, yes };
    outcome<login_under_way> start_login(
        const iscsi::admin::record& node,
        const std::set<lane::session_key>& joined,
        waiting caller = waiting::yes,
        login_terms terms = {}
    );

    // Begins one login more than the record says.
    outcome<login_under_way>
    start_additional_login(const iscsi::admin::record& node, waiting caller);

    // See live_session::log_out(); session_not_found for one that is not there.
    boost::asio::awaitable<outcome<logout_result>> logout(lane::session_key sid);

    // For what is asked of one session, such as live_session::rescan(); nullptr: not there.
    std::shared_ptr<live_session> find(lane::session_key sid) const { return sessions_.find(sid); }

    // Whatever they are at.
    auto sessions_of(const iscsi::admin::node_id& node) const { return sessions_.of(node); }

    // Goes on with the sessions of a daemon that ended without logging out, and takes over their
    // disks as each is logged in again. To be called before anything else.
    void restore(
        std::vector<device::disk_state> left, const std::vector<device::detached_lun>& detached = {}
    );

    // From now on nothing more is done to the disks: the process is about to end, another daemon
    // takes them over.
    void hand_over();

    // All sessions by sid, or one: those that are up, and those whose login is under way.
    boost::asio::awaitable<std::vector<session_report>> list(std::optional<lane::session_key> only);

    // `note` hears what open-iscsi prints meanwhile.
    boost::asio::awaitable<outcome<std::vector<discovered_portal>>>
    discover(discovery_request what, note_taker note);

    std::size_t session_count() const { return sessions_.all().size(); }

    // Logs out: of all sessions, or of those whose disks do not outlive the daemon. Their users
    // have `limit` to go, and a last flush that gets on as long again; then they hear errors
    // (session_stop). No login is taken after it.
    enum class leaving : std::uint8_t { all, mortal };
    boost::asio::awaitable<void> shut_down(iscsi::duration limit, leaving which);

    // Whom shut_down() waits for now, in words; "" when nobody.
    std::string waits_for() const;

    // How many sessions have disks, and only such as wait for the next daemon.
    std::size_t outliving() const;

  private:
    using session_pointer = session_table::pointer;

    login_under_way want_login(session_pointer session, waiting caller);
    // `by_record`: not more than nr_sessions.
    enum class how_many : std::uint8_t { by_record, one_more };
    outcome<session_pointer>
    open(const iscsi::admin::record& node, how_many wanted, login_terms terms);
    outcome<login_under_way> begin(
        const iscsi::admin::record& node, how_many wanted, waiting caller, login_terms terms = {}
    );
    session_pointer add(lane::session_key sid, unsigned index, login_plan plan);

    environment with_;
    planner planner_;
    session_table sessions_;
    memory_return memory_;
    std::vector<std::shared_ptr<session_stop>> stops_; // of shut_down()
    lane::session_key next_sid_ = 1;
    bool shutting_down_ = false;
};

} // namespace iscsid::session
