#pragma once

#include "libiscsi/core/session/command_timer.hpp"
#include "libiscsi/core/session/connection.hpp"
#include "libiscsi/core/session/context.hpp"
#include "libiscsi/core/session/replay.hpp"
#include "libiscsi/core/session/task_table.hpp"
#include "libiscsi/core/session/unsettled_units.hpp"

#include <vector>

namespace iscsi {

// The tasks of a session, from submit() to exactly one task_done each. A connection carries them;
// when it is lost they wait here, in their order, for the next one.
class task_set {
  public:
    explicit task_set(session_context& context);

    // ---- work ----
    result<task_id> submit(const command& what);

    // Commands that the window lets pass and data that is due, as long as there is room.
    void emit(connection& to);

    task* find(task_id id) { return table_.find(id); }

    command_timer& timer() { return timer_; }

    const command_timer& timer() const { return timer_; }

    // PDUs of these tasks have left to their last byte.
    void on_left(std::span<const task_id> whose);

    std::span<task> slots() { return table_.slots(); }

    // ---- what the target says ----
    // Decides on the place of a Data-In segment as soon as its header is there.
    result<void> on_data_header(connection& from, const data_in& pdu, std::uint32_t length);
    result<void> on_data_in(const data_in& pdu);
    result<void> on_r2t(const r2t& pdu);
    result<void> on_response(const scsi_response& pdu, bytes_view data);

    // The target has turned the command down before it became a task (§11.17).
    void on_command_rejected(task& what);

    // ---- ends ----
    void finish(task& what, task_result outcome);
    void finish_all(task_result outcome);

    // Completes answered tasks whose memory no send reads any more.
    void complete_released();

    // No transport: every unfinished task goes back to the queue, oldest first. One that no
    // connection outlives ends after the replacement timeout, as it would without connections.
    void park(instant now);

    // No command goes out any more; what is out may end.
    void hold_commands() { holds_commands_ = true; }

    bool is_drained() const;

    // The target has ended the tasks of this unit by itself (§11.9.1, event 5).
    void on_unit_cleared(const lun_field& lun);

    // Commands of this unit wait, but those that go ahead.
    void hold(const lun_field& lun);
    void let_go(const lun_field& lun);

    // Units whose old writes may still run. While there are any, nothing is sent.
    unsettled_units& unsettled() { return unsettled_; }

    // A PDU of this task has broken the protocol. A task that does so again and again is not
    // re-issued: it would never let the session live.
    void blame(task_id id);

    // Its task_done has been polled.
    void release(task_id id);

    // For commands that do not go ahead.
    std::size_t free_slots() const;

    std::size_t unfinished() const { return unfinished_; }

  private:
    bool emit_one(connection& to);
    bool emit_command(connection& to);
    task* next_to_go();
    bool may_go(const task& what) const;
    void send_command(connection& to, task& what);
    result<void> place(connection& from, task& what, const data_in& pdu, std::uint32_t length);
    result<task*> running(task_id id, std::string_view pdu_name);
    void park(task& what, instant now);
    bool is_hopeless(const task& what, instant now) const;
    void complete(task& what);

    session_context& context_;
    task_table table_;
    unit_set units_;
    command_timer timer_;
    std::vector<task*> parked_; // only while park() sorts
    task_list ready_;
    task_list answered_;
    replay_barrier replay_;
    unsettled_units unsettled_;
    std::vector<lun_field> held_;
    std::size_t unfinished_ = 0;
    bool commands_turn_ = false;
    bool holds_commands_ = false; // until the connection ends
};

} // namespace iscsi
