#pragma once

#include "libiscsi/core/session/command_sender.hpp"
#include "libiscsi/core/session/command_timer.hpp"
#include "libiscsi/core/session/connection.hpp"
#include "libiscsi/core/session/context.hpp"
#include "libiscsi/core/session/task_table.hpp"
#include "libiscsi/core/session/unit_scheduler.hpp"
#include "libiscsi/core/session/unit_set.hpp"

#include <optional>
#include <vector>

namespace iscsi {

// The tasks of a session, from submit() to exactly one task_done each. A connection carries them;
// when it is lost they wait here, in their order, for the next one.
class task_set {
  public:
    explicit task_set(session_context& context);

    // ---- work ----
    result<task_id> submit(const command& what);

    // What puts the commands that may go, and data that is due, on a connection.
    command_sender& sender() { return sender_; }

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
    // `why_lost` counts for task_result::lost only.
    void finish(task& what, task_result outcome, loss_reason why_lost = loss_reason::session_over);
    void lose_all(loss_reason why);

    // Completes answered tasks whose memory no send reads any more.
    void complete_released();

    // No transport: every unfinished task goes back to the queue, oldest first. One that no
    // connection outlives ends after the replacement timeout, as it would without connections.
    void park(instant now);

    // The target has none of them.
    bool is_idle() const { return scheduler_.places() == 0; }

    // The target has ended the tasks of this unit by itself (§11.9.1, event 5).
    void on_unit_cleared(const lun_field& lun);

    unit_set& units() { return units_; }

    // A NOP-Out must tell which units stand still, or whether the link is the reason for a command
    // whose time is over. Stays true until one finds a place.
    bool wants_probe() const { return scheduler_.wants_probe() || timer_.wants_probe(); }

    // The unit is lost: its tasks end, whatever the target may still do with them, and so do those
    // that are submitted until a reset of it is answered. False: not now, for the memory of one is
    // being received into. `was_asked`: nobody has tried to end them otherwise.
    bool lose(unit& which, connection& over, bool was_asked);

    // The target knows a task with this tag that has not been answered.
    bool is_running(task_id id);

    // A PDU of this task has broken the protocol, which ends the connection. A task that ends three
    // in a row is not re-issued: it would never let the session live.
    void blame(task_id id);

    // Its task_done has been polled.
    void release(task_id id);

    // For commands that do not go ahead. A unit leaves a few to the others, when there are some.
    std::size_t free_slots() const;
    std::size_t free_slots(const lun_field& lun);

    std::size_t unfinished() const { return unfinished_; }

  private:
    void on_left(task& what);
    void note_end(task& what);
    result<void> answered_twice(std::string_view field, task_id id);
    result<void> place(connection& from, task& what, const data_in& pdu, std::uint32_t length);
    result<task*> running(task_id id, std::string_view pdu_name);
    void park(task& what, instant now);
    void complete(task& what);

    session_context& context_;
    task_table table_;
    unit_set units_;
    command_timer timer_;
    unit_scheduler scheduler_;
    command_sender sender_;
    std::vector<task*> parked_; // only while park() sorts
    std::optional<task_id> blamed_;
    task_list answered_;
    std::size_t unfinished_ = 0;
    std::size_t abandoned_ = 0; // tasks of lost units that the target may still answer
};

// Old writes cannot run in the unit any more. One that was given up works again, and that is told.
void reset_over(unit& which, event_queue& events);

} // namespace iscsi
