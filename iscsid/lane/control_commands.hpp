#pragma once

#include "iscsid/lane/command_source.hpp"
#include "iscsid/lane/lane.hpp"

#include <deque>
#include <functional>
#include <vector>

namespace iscsid::lane {

// A SCSI command of the control thread with its own buffers, and who waits for it.
struct control_command {
    iscsi::command what;
    std::vector<std::byte> data_in;
    std::vector<std::byte> data_out;
    std::function<void(scsi_outcome)> done;
    std::optional<iscsi::task_id> task{};     // of the session, which has it
    std::optional<iscsi::instant> deadline{}; // of one that goes once, until it is aborted
};

// Ends a command without an answer; its target may have it if the session had.
void end_as_lost(control_command& command);

// The control thread's commands of one session: sent once and never repeated, with the time that a
// command of their kind gets. Those that only ask go ahead of all others; those that change
// something (iscsi::command::goes_once) wait their turn, for as long as their time.
class control_commands final : public command_source {
  public:
    explicit control_commands(session_port& session) : session_(&session) {}

    void submit(control_command command);

    void command_done(std::uint32_t slot, const iscsi::task_done& done) override;
    bool send_waiting() override;

    // Of those that go once.
    void handle_deadline(iscsi::instant now) override;
    std::optional<iscsi::instant> next_deadline() const override;

    void restart_timeouts(iscsi::instant /*now*/) override {}

    void session_gone() override;

  private:
    using queue = std::deque<std::uint32_t>;

    // Whoever asks does not wait behind a change that has no slot.
    queue& line_of(const control_command& command) {
        return command.what.goes_once ? changes_ : questions_;
    }

    bool try_send(std::uint32_t slot);
    bool send_first(queue& of);
    void end_unsent(std::uint32_t slot);
    void pass_on_news(const iscsi::lun_field& lun, const iscsi::task_done& done);

    session_port* session_;                                  // nullptr: gone
    std::vector<std::unique_ptr<control_command>> commands_; // by slot; nullptr is free
    queue questions_;                                        // that wait for a slot of the session
    queue changes_;
};

} // namespace iscsid::lane
