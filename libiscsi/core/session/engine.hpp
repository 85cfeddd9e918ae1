#pragma once

#include "libiscsi/core/login/login.hpp"
#include "libiscsi/core/session/alarms.hpp"
#include "libiscsi/core/session/connection.hpp"
#include "libiscsi/core/session/context.hpp"
#include "libiscsi/core/session/keepalive.hpp"
#include "libiscsi/core/session/lifecycle.hpp"
#include "libiscsi/core/session/renegotiation.hpp"
#include "libiscsi/core/session/task_management.hpp"
#include "libiscsi/core/session/task_set.hpp"
#include "libiscsi/core/session/text_exchange.hpp"

#include <deque>

namespace iscsi {

// What stands behind the façade `session`: feeds the parts and moves the life of the session on.
//   engine.cpp           inputs and outputs, deadlines
//   engine_login.cpp     the login phase
//   engine_requests.cpp  PDUs of full feature phase and requests of our own
//   engine_text.cpp      SendTargets, and negotiation in full feature phase
//   engine_recovery.cpp  the actions of the lifecycle table
class session_engine {
  public:
    explicit session_engine(session_config config);

    void start(instant now);
    void resume(std::span<const lun_field> units, instant now);
    void transport_up(instant now);
    void connect_failed(const fault& why, instant now);
    result<void> received(std::size_t n, instant now);
    void sent(std::size_t n, instant now);
    void transport_lost(const fault& why, instant now);
    void handle_deadline(instant now);

    result<task_id> submit(const command& what, instant now);
    void abort(task_id task, instant now);
    void reset_lun(const lun_field& lun, instant now);
    void trust_reinstatement(const lun_field& lun);

    void hold(const lun_field& lun) { tasks_.units().of(lun).apply(unit_event::hold); }

    void let_go(const lun_field& lun) { tasks_.units().of(lun).apply(unit_event::let_go); }

    std::size_t free_slots(const lun_field& lun) { return tasks_.free_slots(lun); }

    result<void> send_targets(std::string_view value);
    void logout(instant now);
    void provide_entropy(bytes_view bytes, instant now);

    std::span<const mutable_bytes> read_plan();
    std::span<const bytes_view> write_plan();
    std::optional<event> poll_event();
    std::optional<instant> next_deadline() const;

    connection_state connection_shown() const;
    session_state state_shown() const;

    const session_context& context() const { return context_; }

    const task_set& tasks() const { return tasks_; }

    const std::string& target_alias() const { return target_alias_; }

    std::optional<std::uint16_t> target_portal_group_tag() const { return group_tag_; }

  private:
    // Today a session has one connection. A command goes out on the one that this chooses; what
    // follows it goes where the command went.
    connection& leading() { return connections_.front(); }

    // ---- the life ----
    void happen(happening what, instant now);
    void perform(action what, instant now);
    void connect();
    void close();
    void pause(instant now);
    duration pause_length(instant now) const;
    void count_down_to_replacement(instant now);
    void give_up();
    void finish();
    void announce_end();
    void release_transport(instant now);
    void reset_units_first(instant now);
    void end_connection(fault why, instant now);
    void on_alarm(alarm which, instant now);
    void check_keepalive(instant now);
    void check_task_management(instant now);
    void check_commands(instant now);

    // ---- login ----
    void begin_login(instant now);
    result<void> on_login_pdu(connection& from, instant now);
    result<void> on_login_response(connection& from, const login_response& pdu, instant now);
    void take(const result<login_step>& step, instant now);
    void take_step(const login_send& next, instant now);
    void take_step(const login_complete& complete, instant now);
    void take_step(const login_redirect& elsewhere, instant now);
    void take_step(const login_refusal& refusal, instant now);
    void take_step(const login_wants_entropy& wish, instant now);
    void fail_login(login_failed how, instant now);
    void enter_full_feature(instant now);

    // ---- PDUs ----
    result<void> cut(connection& from, instant now);
    result<void> on_header(connection& from);
    result<void> on_pdu(connection& from, instant now);
    result<bool> check_status_number(connection& from);
    bool answers_something(const target_pdu& pdu);
    result<void> dispatch(connection& from, instant now);
    void note_fault(connection& from, const fault& why, instant now);

    result<void> on(const nop_in& pdu, connection& from, bytes_view data, instant now);
    result<void> on(const scsi_response& pdu, connection& from, bytes_view data, instant now);
    result<void>
    on(const task_management_response& pdu, connection& from, bytes_view data, instant now);
    result<void> on(const login_response& pdu, connection& from, bytes_view data, instant now);
    result<void> on(const text_response& pdu, connection& from, bytes_view data, instant now);
    result<void> on(const data_in& pdu, connection& from, bytes_view data, instant now);
    result<void> on(const logout_response& pdu, connection& from, bytes_view data, instant now);
    result<void> on(const r2t& pdu, connection& from, bytes_view data, instant now);
    result<void> on(const async_message& pdu, connection& from, bytes_view data, instant now);
    result<void> on(const reject& pdu, connection& from, bytes_view data, instant now);

    // ---- requests of our own ----
    void send_ping(connection& over);
    void send_probe(connection& over, instant now);
    void acknowledge(connection& over, const lun_field& lun);
    bool send_nop(connection& over, const nop_out& pdu);
    void send_logout(instant now);
    void drain(duration within, instant now);
    void move_when_drained(instant now);

    // ---- text ----
    void renegotiate(connection& over);
    bool renegotiates() const;
    void send_text(connection& over, text_request pdu, std::string text);
    result<void> take_renegotiation(const text_response& pdu, connection& from);
    result<void> end_renegotiation(const text_response& pdu, const renegotiation_answer& answer);
    result<void>
    reply(const text_response& pdu, const renegotiation_answer& answer, connection& over);
    void limit_segments(connection& over, std::uint32_t theirs);
    result<void> tell_targets();

    session_context context_;
    task_set tasks_;
    task_management management_;
    std::deque<connection> connections_; // a deque: tasks point to them
    keepalive keepalive_;
    alarms alarms_;
    text_exchange text_;
    send_ledger nops_; // bounds what a target can make us queue

    life life_ = life::idle;
    std::optional<login> login_;
    std::string target_alias_;
    std::optional<std::uint16_t> group_tag_;
    std::vector<negotiation_warning> login_warnings_; // until they are told with logged_in

    std::optional<login_redirect> redirect_;
    unsigned redirects_ = 0;
    unsigned failures_ = 0;                // in a row, since the last login
    unsigned late_failures_ = 0;           // of them: after giving up
    std::optional<duration> ordered_wait_; // Time2Wait that the target has named
    fault closing_;                        // why want_close is out
    bool broken_ = false;                  // received() has reported a fault
    bool has_been_in_ = false;             // a login has succeeded once
    bool given_up_ = false;
    bool logout_confirmed_ = false;
    bool end_announced_ = false;
};

} // namespace iscsi
