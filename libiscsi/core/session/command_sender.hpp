#pragma once

#include "libiscsi/core/session/connection.hpp"
#include "libiscsi/core/session/context.hpp"
#include "libiscsi/core/session/unit_scheduler.hpp"

namespace iscsi {

// Puts on a connection what may go: commands whose turn it is (unit_scheduler) and that the window
// lets pass (RFC 7143 §4.2.2.1), with their immediate data, and the Data-Out PDUs that are due.
// emit() before each send; hold() until restart(), with each new connection.
class command_sender {
  public:
    command_sender(session_context& context, unit_scheduler& scheduler)
        : context_(context), scheduler_(scheduler) {}

    // As long as there is room.
    void emit(connection& to);

    // No command goes out any more; what is out may end.
    void hold() { is_held_ = true; }

    void restart() { is_held_ = false; }

  private:
    bool emit_one(connection& to);
    bool emit_command(connection& to);
    void send(task& what, connection& to);

    session_context& context_;
    unit_scheduler& scheduler_;
    bool commands_turn_ = false;
    bool is_held_ = false;
};

} // namespace iscsi
