#pragma once

#include "iscsid/session/discovery_job.hpp"
#include "iscsid/session/disks.hpp"
#include "iscsid/session/login_job.hpp"
#include "iscsid/session/recent_challenges.hpp"
#include "iscsid/session/rescan.hpp"
#include "iscsid/session/supervisor.hpp"

#include "libiscsi/admin/config.hpp"
#include "libiscsi/admin/messages.hpp"
#include "libiscsi/admin/record_store.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace iscsid::session {

// What the manager works with. All of it outlives the manager.
struct surroundings {
    executors where;
    disk_tools disks; // no driver: every login is refused, with the words of no_driver
    std::string no_driver;
    std::chrono::milliseconds first_pause_of_looks{5000}; // see look_later_if_needed()
    iscsi::admin::record_store* records = nullptr;

    // The lanes (lane_pool) and the login of one session (log_in); tests put their own here.
    std::function<lane::lane&(lane::session_key, iscsi::session, int, lane::note_handler)> adopt;
    std::function<void(lane::session_key, std::function<void()>)> drop;
    std::function<boost::asio::awaitable<outcome<fresh_session>>(login_plan)> log_in;
};

// What may change while the daemon runs: read again on SIGHUP, used for what comes next.
struct current_settings {
    iscsi::admin::config config;
    iscsi::admin::initiator_identity identity; // empty name: there is none
};

// The table of sessions. Lives on the control thread; every verb is a coroutine, and they run
// beside each other.
class manager {
  public:
    manager(surroundings with, current_settings settings);
    ~manager();
    manager(const manager&) = delete;
    manager& operator=(const manager&) = delete;

    void use(current_settings settings);

    const current_settings& settings() const { return settings_; }

    // The sessions that a login to this node would have to make: nr_sessions less those that are
    // there. Failures: database, no_objects_found, session_exists.
    outcome<unsigned> sessions_to_make(const iscsi::admin::node_id& node) const;

    // Makes one session. Returns when its disks are there, or with the code of what went wrong.
    // `index` is handed back.
    boost::asio::awaitable<iscsi::admin::login_progress>
    login(iscsi::admin::node_id node, std::uint32_t index);

    // Removes the disks, logs out, forgets the session. Works in every state of it. When a disk is
    // in use: busy, and everything goes on as before.
    boost::asio::awaitable<iscsi::admin::logout_progress> logout(lane::session_key sid);

    // Looks again at the LUNs of a session: attaches new ones, removes those that are gone and not
    // in use, follows capacities, and bars a LUN that is not the one that it was.
    boost::asio::awaitable<iscsi::admin::rescan_progress> rescan(lane::session_key sid);

    // Goes on with the sessions of a daemon that ended without logging out, and takes over their
    // disks as each is logged in again. To be called before anything else.
    void restore(std::vector<device::disk_state> left);

    // From now on nothing more is done to the disks: the process is about to end, another daemon
    // takes them over.
    void hand_over();

    // All established sessions by sid, or one.
    boost::asio::awaitable<std::vector<iscsi::admin::session_info>>
    list(std::optional<lane::session_key> only);

    boost::asio::awaitable<iscsi::admin::discover_progress>
    discover(iscsi::admin::discover_request_message what, note_taker note);

    std::size_t session_count() const { return sessions_.size(); }

    // Logs out, as far as it goes within the limit: of all sessions, or of those whose disks do not
    // outlive the daemon. No login is taken after it.
    enum class leaving : std::uint8_t { all, mortal };
    boost::asio::awaitable<void> shut_down(iscsi::duration limit, leaving which);

    // Every session that is left has disks, and these wait for the next daemon.
    bool all_outlive() const;

  private:
    struct entry;
    using entry_pointer = std::shared_ptr<entry>;

    iscsi::admin::record record_of(const iscsi::admin::node_id& node) const;
    void complete(login_plan& plan) const;
    outcome<iscsi::admin::record> find_record(const iscsi::admin::node_id& node) const;
    outcome<iscsi::admin::record> find_interface(const std::string& name) const;
    outcome<unsigned> missing_sessions(const iscsi::admin::record& record) const;
    unsigned free_index(const iscsi::admin::node_id& node) const;
    outcome<entry_pointer> open_entry(const iscsi::admin::node_id& node);
    boost::asio::awaitable<outcome<bool>> establish(entry_pointer which);
    boost::asio::awaitable<std::optional<outcome<fresh_session>>> run_login(entry_pointer which);
    void adopt(const entry_pointer& which, fresh_session fresh);
    void watch_over(const entry_pointer& which, supervisor::charge charge);
    void resume(const entry_pointer& which);
    outcome<entry_pointer> restored_entry(const device::disk_state& state);
    outcome<entry_pointer> open_again(const device::disk_state& state);
    boost::asio::awaitable<outcome<bool>> attach(entry_pointer which);
    boost::asio::awaitable<removal_report> detach(entry_pointer which);
    void post_removal(
        const entry_pointer& which,
        std::vector<attached_disk> disks,
        users whose,
        std::function<void(removal_report)> done
    );
    boost::asio::awaitable<bool> has_moved(entry_pointer which);
    boost::asio::awaitable<std::string> user_of_orphans(entry_pointer which);
    bool respects_users() const;
    static device::disk_state words_of(const entry& which);
    static iscsi::net::endpoint last_peer_of(const entry& which);
    static std::string state_of(const entry& which, std::uint64_t lun_number);
    static std::string node_of(const entry& which, std::uint64_t lun_number);

    // ---- manager_disks.cpp: the disks of running sessions ----
    void look_again(lane::session_key sid, bool list_changed);
    void look_later_if_needed(const entry_pointer& which);
    boost::asio::awaitable<void> scan_in_turn(entry_pointer which);
    boost::asio::awaitable<std::optional<std::string>>
    scan_once(entry_pointer which, std::vector<std::string>& warnings);
    boost::asio::awaitable<iscsi::result<device::scan_result>> scan_on_lane(entry_pointer which);
    boost::asio::awaitable<std::vector<std::string>>
    change_disks(entry_pointer which, device::scan_result seen, bool list_changed);
    boost::asio::awaitable<void> adopt_without_target(entry_pointer which);
    boost::asio::awaitable<std::vector<std::string>>
    apply(entry_pointer which, disk_changes changes);
    boost::asio::awaitable<void> let_scan_end(entry_pointer which, iscsi::duration limit);
    boost::asio::awaitable<void> let_changes_end(entry_pointer which);
    boost::asio::awaitable<void> cancel_login(entry_pointer which);
    boost::asio::awaitable<void> close(entry_pointer which, iscsi::duration within);
    boost::asio::awaitable<outcome<std::vector<std::string>>> take_down(entry_pointer which);
    boost::asio::awaitable<std::optional<iscsi::admin::session_info>>
    describe_entry(entry_pointer which);
    boost::asio::awaitable<bool> insist_on_logout(lane::session_key sid, iscsi::instant end);
    bool outlives(const entry& which) const;
    void abandon(lane::session_key sid);

    surroundings with_;
    current_settings settings_;
    std::shared_ptr<recent_challenges> challenges_ = std::make_shared<recent_challenges>();
    std::map<lane::session_key, entry_pointer> sessions_;
    lane::session_key next_sid_ = 1;
    bool shutting_down_ = false;
};

} // namespace iscsid::session
