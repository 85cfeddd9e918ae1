#pragma once

#include "libiscsi/core/session/alarms.hpp"
#include "libiscsi/core/session/connection.hpp"
#include "libiscsi/core/session/context.hpp"
#include "libiscsi/core/session/full_feature_phase.hpp"
#include "libiscsi/core/session/lifecycle.hpp"
#include "libiscsi/core/session/login_attempts.hpp"
#include "libiscsi/core/session/reconnect_pace.hpp"

#include <deque>

namespace iscsi {

// What stands behind the façade `session`: takes its inputs, feeds the phases of a connection
// (login_attempts, full_feature_phase), and moves the life of the session on as what they report
// asks for.
//   engine.cpp       bytes in and out, work, deadlines
//   engine_life.cpp  the actions of the lifecycle table, and what leads from one state to the next
//
// An input comes to exactly one happening at most; the table says what is done then.
class session_engine {
  public:
    explicit session_engine(session_config config);

    // ---- the transport ----
    void start(instant now);
    void resume(std::span<const lun_field> units, instant now);
    void transport_up(instant now);
    void connect_failed(const fault& why, instant now);
    result<void> received(std::size_t n, instant now);
    void sent(std::size_t n, instant now);
    void transport_lost(const fault& why, instant now);
    void handle_deadline(instant now);

    // ---- work ----
    result<task_id> submit(const command& what, instant now);
    void logout(instant now);
    void provide_entropy(bytes_view bytes, instant now);

    // ---- outputs ----
    std::span<const mutable_bytes> read_plan();
    std::span<const bytes_view> write_plan();
    std::optional<event> poll_event();
    std::optional<instant> next_deadline() const;

    connection_state connection_shown() const;
    session_state state_shown() const;

    // ---- parts ----
    const session_context& context() const { return context_; }

    full_feature_phase& phase() { return phase_; }

    // What the last login has agreed upon.
    const login_complete& agreed() const { return agreed_; }

    // Where requests may go out now; nullptr: not in full feature phase, or about to leave it.
    connection* in_full_feature() { return life_ == life::logged_in ? &leading() : nullptr; }

  private:
    // Today a session has one connection. A command goes out on the one that this chooses; what
    // follows it goes where the command went.
    connection& leading() { return connections_.front(); }

    // ---- PDUs ----
    result<void> cut(connection& from, instant now);
    result<void> on_header(connection& from);
    result<void> on_pdu(connection& from, instant now);
    result<void> on_login_pdu(connection& from, instant now);
    void note_fault(connection& from, const fault& why, instant now);

    // ---- the life ----
    void happen(happening what, instant now);
    void perform(action what, instant now);
    void follow(const login_news& news, instant now);
    void follow(const consequence& of, instant now);
    void begin_login(instant now);
    void enter_full_feature(instant now);
    void fail_login(login_failed how, instant now);
    void end_connection(fault why, instant now);
    void on_alarm(alarm which, instant now);
    void drain(duration within, instant now);
    void move_when_drained(instant now);
    void send_logout(instant now);
    void connect();
    void close();
    void release_transport(instant now);
    void pause(instant now);
    void count_down_to_replacement(instant now);
    void give_up();
    void finish();
    void announce_end();

    session_context context_;
    login_attempts login_;
    full_feature_phase phase_;
    std::deque<connection> connections_; // a deque: tasks point to them
    alarms alarms_;
    reconnect_pace pace_;

    life life_ = life::idle;
    login_complete agreed_;
    std::optional<login_redirect> redirect_;
    fault closing_;            // why want_close is out
    bool broken_ = false;      // received() has reported a fault
    bool has_been_in_ = false; // a login has succeeded once
    bool logout_confirmed_ = false;
    bool end_announced_ = false;
};

} // namespace iscsi
