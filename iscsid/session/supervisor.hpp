#pragma once

#include "iscsid/lane/lane.hpp"
#include "iscsid/session/attention_log.hpp"
#include "iscsid/session/environment.hpp"
#include "iscsid/session/login_plan.hpp"
#include "iscsid/session/outcome.hpp"
#include "iscsid/session/reinstatement_watch.hpp"

#include "libiscsi/net/connector.hpp"
#include "libiscsi/net/pending.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <functional>
#include <memory>
#include <optional>

namespace iscsid::session {

// The connection of one session that lives on a lane: takes the lane's notes, makes each
// connection that the engine wants, the first as every later one, and logs each change once. The
// engine alone decides when it is time to connect. Lives on the control thread.
//
//   constructor → note_handler() → lane::adopt() → moved_in() → … → stop() → wait_for_logout()
class supervisor : public std::enable_shared_from_this<supervisor> {
  public:
    struct subject {
        lane::session_key sid = 0;
        std::shared_ptr<const login_plan> plan;
        iscsi::net::endpoint peer; // for when no name can be resolved; unspecified: not known
        bool resumes = false;      // it was logged in before: it has lost its connection
    };

    // Who is told, on the control thread.
    struct listeners {
        std::function<void()> logged_in; // the first time, and again

        // A try of the first login has failed. may_retry: the engine tries again after a pause.
        std::function<void(const failure&)> login_failed;

        // The session ended by itself, or reopen_max is used up; told at most once.
        std::function<void()> over;

        // The connection is lost, and another one is tried for.
        std::function<void()> lost{};

        // Its LUNs are worth another look: it fails all I/O, or a LUN has changed.
        // `list_changed`: the target says that it has other LUNs now.
        std::function<void(bool list_changed)> look_again;

        // The name of the node of a LUN under /dev, "" without one; may be missing.
        std::function<std::string(const iscsi::lun_field& lun)> disk_of{};
    };

    supervisor(subject what, executors where, listeners to);

    // For lane::adopt(): may be called on the lane's thread.
    lane::note_handler note_handler();

    // Where the session lives now. To be told right after adopt().
    void moved_in(lane::lane& lane) { lane_ = &lane; }

    // No new connections from now on: the session is being logged out.
    void stop();

    // Waits for the note logged_out. False: it did not come in time.
    boost::asio::awaitable<bool> wait_for_logout(iscsi::duration limit);

    // After wait_for_logout(): the target has answered the Logout.
    bool was_logout_confirmed() const { return logout_confirmed_; }

    bool is_up() const { return state_ == state::up; }

    bool has_ended() const { return state_ == state::ended; }

    // The replacement timeout has ended; a login makes that undone.
    bool has_given_up() const { return has_given_up_; }

    const iscsi::net::endpoint& peer() const { return subject_.peer; }

    const iscsi::net::endpoint& local() const { return local_; }

    // "NO CHANGE", "REOPEN", "CLEANUP": as `iscsiadm -m session -P 1` prints it.
    std::string_view internal_state() const;

  private:
    enum class state : std::uint8_t {
        logging_in, // for the first time
        up,         // full feature phase
        reopening,  // lost, and tried again
        ended,      // no more connections will be made
    };

    void take(const lane::note& told);
    void on(const iscsi::event& of_engine);
    void on(const lane::lun_attention& about);
    void on(const lane::io_trouble& about);
    void on(const lane::identity_change& about);
    std::string log_name() const;
    std::string disk_of(const iscsi::lun_field& lun) const;
    void on(const iscsi::want_transport& wish);
    void on(const iscsi::want_close& lost);
    void on(const iscsi::logged_in& again);
    void on(const iscsi::login_failed& refused);
    void on(const iscsi::target_message& from_target);
    void on(const iscsi::logged_out& end);
    void on(const iscsi::gave_up& how);
    void on(const iscsi::unit_given_up& which);
    void on(const iscsi::unit_is_back& which);

    template <class Other>
    void on(const Other& /*for the lane itself*/) {}

    boost::asio::awaitable<void> reconnect(std::shared_ptr<supervisor> self, iscsi::portal to);
    boost::asio::awaitable<iscsi::result<iscsi::net::connected>> connect(iscsi::portal to);
    void keep_failure(const iscsi::fault& why);
    void tell_trouble(const std::string& why);
    void tell_of_reinstatement();
    void end(std::string_view why);

    subject subject_;
    executors where_;
    lane::lane* lane_ = nullptr;
    listeners listeners_;
    iscsi::net::pending<bool> logged_out_;
    boost::asio::cancellation_signal stop_;
    iscsi::portal portal_; // that of the record, or where a permanent redirect led
    iscsi::portal tried_;  // the latest one
    iscsi::net::endpoint local_;
    reinstatement_watch reinstatement_;
    attention_log attentions_;
    int attempts_ = 0; // since the latest login
    state state_;
    bool stopped_ = false;
    bool has_given_up_ = false;
    bool logout_confirmed_ = false;
    std::optional<failure> connect_failure_; // which comes back as login_failed
    std::string why_lost_;
    std::vector<iscsi::negotiation_warning> breaches_; // of the last login
    std::string told_;                                 // the last trouble that was logged
};

} // namespace iscsid::session
