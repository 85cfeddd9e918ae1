#pragma once

#include "libiscsi/core/session/alarms.hpp"
#include "libiscsi/core/session/connection_set.hpp"
#include "libiscsi/core/session/context.hpp"
#include "libiscsi/core/session/full_feature_phase.hpp"
#include "libiscsi/core/session/lifecycle.hpp"
#include "libiscsi/core/session/login_attempts.hpp"
#include "libiscsi/core/session/reconnect_pace.hpp"

namespace iscsi {

// Where a session is in its life, and what moves it on: carries out the actions of the table in
// lifecycle.hpp, runs the login phase, and keeps the deadlines that are set once and wait. What it
// wants of the world goes out as events of the context.
//
// Each input comes to exactly one happening at most; the table says what is done then.
class session_life {
  public:
    session_life(session_context& context, full_feature_phase& phase, connection_set& connections)
        : context_(context), phase_(phase), connections_(connections), login_(context) {}

    life state() const { return life_; }

    // A login has succeeded once, here or before resume().
    bool has_been_in() const { return has_been_in_; }

    // The replacement timeout is over: nothing waits for the next login any more.
    bool has_given_up() const { return pace_.has_given_up(); }

    // ---- what happens ----
    void handle(happening what, instant now);
    void resume(instant now);
    void logout(instant now);

    // See session::give_up(). False: nothing waits for a connection.
    bool stop_waiting();

    // The replacement timeout is another one now. It counts from the loss.
    void recount_replacement(instant now);
    void connect_failed(const fault& why, instant now);
    void transport_lost(const fault& why, instant now);

    // The connection is no good any more, for a reason that did not come with received bytes.
    void end_connection(fault why, instant now);

    // ---- the login phase ----
    void on_response(const login_response& pdu, instant now);
    void provide_entropy(bytes_view bytes, instant now);
    void fail_login(login_failed how, instant now);

    // ---- full feature phase ----
    void follow(const consequence& of, instant now);

    // After whatever may have ended a task: a logout that the target has asked for may go out.
    void move_when_idle(instant now);

    // ---- deadlines ----
    void handle_deadline(instant now);

    std::optional<instant> next_deadline() const { return alarms_.next(); }

    // Last of all: a send may still read the memory of a task.
    void announce_end();

  private:
    void perform(action what, instant now);
    void follow(const login_news& news, instant now);
    void on_alarm(alarm which, instant now);
    void begin_login(instant now);
    void enter_full_feature(instant now);
    void let_tasks_end(duration within, instant now);
    void send_logout(instant now);
    void connect();
    void close();
    void release_transport(instant now);
    void pause(instant now);
    void give_up(gave_up how);
    void finish();

    session_context& context_;
    full_feature_phase& phase_;
    connection_set& connections_;
    login_attempts login_;
    alarms alarms_;
    reconnect_pace pace_;
    std::optional<instant> lost_at_; // since then tasks wait for a login

    life life_ = life::idle;
    login_complete agreed_;
    std::optional<login_redirect> redirect_;
    fault closing_; // why want_close is out
    bool has_been_in_ = false;
    bool gives_up_ = false; // as soon as the driver has let go of our memory
    bool logout_confirmed_ = false;
    bool end_announced_ = false;
};

} // namespace iscsi
