#pragma once

#include "iscsid/lane/lane.hpp"
#include "iscsid/session/login_plan.hpp"
#include "iscsid/session/pace.hpp"

#include "libiscsi/net/connector.hpp"
#include "libiscsi/net/pending.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <functional>
#include <memory>

namespace iscsid::session {

// The two places where the control floor runs its work.
struct executors {
    boost::asio::any_io_executor control;   // the one control thread
    boost::asio::any_io_executor resolvers; // a pool where the name service may block
    boost::asio::any_io_executor workers;   // a pool where disk drivers may block
};

// Watches one session that lives on a lane: hears its notes, makes new connections for it, and
// logs each change of its state once. Lives on the control thread.
class supervisor : public std::enable_shared_from_this<supervisor> {
  public:
    struct charge {
        lane::session_key sid = 0;
        login_plan plan;
        iscsi::net::endpoint peer;
        iscsi::net::endpoint local;
        bool resumes = false; // it has no connection yet, as after a loss
    };

    // Who hears of it, on the control thread.
    struct ears {
        // The session ended by itself, or reopen_max is used up; told at most once.
        std::function<void()> given_up;

        // Its LUNs are worth another look: it is back, it fails all I/O, or a LUN has changed.
        // `list_changed`: the target says that it has other LUNs now.
        std::function<void(bool list_changed)> look_again;
    };

    supervisor(charge what, executors where, ears to);

    // For lane::adopt(): may be called on the lane's thread.
    lane::note_handler ear();

    // Where the session lives now. To be told right after adopt().
    void moved_in(lane::lane& home) { home_ = &home; }

    // No new connections from now on: the session is being logged out.
    void stop();

    // Waits for the note logged_out. False: it did not come in time.
    boost::asio::awaitable<bool> wait_for_logout(iscsi::duration limit);

    bool is_up() const { return state_ == state::up; }

    bool has_ended() const { return state_ == state::ended; }

    // The replacement timeout has ended; a login makes that undone.
    bool has_given_up() const { return has_given_up_; }

    const iscsi::net::endpoint& peer() const { return charge_.peer; }

    const iscsi::net::endpoint& local() const { return charge_.local; }

    // "NO CHANGE", "REOPEN", "CLEANUP": as `iscsiadm -m session -P 1` prints it.
    std::string_view internal_state() const;

  private:
    enum class state : std::uint8_t { up, reopening, ended };

    void hear(const lane::note& told);
    void tell_attention(const lane::lun_attention& about);
    void on(const iscsi::want_transport& wish);
    void on(const iscsi::want_close& lost);
    void on(const iscsi::logged_in& again);
    void on(const iscsi::login_failed& refused);
    void on(const iscsi::target_message& from_target);
    void on(const iscsi::logged_out& end);
    void on(const iscsi::gave_up& unused);

    template <class Other>
    void on(const Other& /*for the lane itself*/) {}

    boost::asio::awaitable<void> reconnect(std::shared_ptr<supervisor> self, iscsi::portal to);
    boost::asio::awaitable<iscsi::result<iscsi::net::connected>> connect(iscsi::portal to);
    void tell_trouble(const std::string& why);
    void end(std::string_view why);

    charge charge_;
    executors where_;
    lane::lane* home_ = nullptr;
    ears ears_;
    iscsi::net::pending<bool> logged_out_;
    boost::asio::cancellation_signal stop_;
    iscsi::portal home_portal_;
    pace pause_;
    int attempts_ = 0;
    state state_ = state::up;
    bool stopped_ = false;
    bool has_given_up_ = false;
    std::string why_lost_;
    std::string told_; // the last trouble that was logged
};

} // namespace iscsid::session
