#pragma once

#include "libiscsi/core/session/alarms.hpp"
#include "libiscsi/core/session/connection.hpp"
#include "libiscsi/core/session/context.hpp"
#include "libiscsi/core/session/task_set.hpp"

#include <deque>
#include <optional>
#include <vector>

namespace iscsi {

// Aborts of tasks and resets (RFC 7143 §11.5, §11.6). A function that the target refuses or does
// not answer in time is followed by a wider one; after the widest the connection ends.
class task_management {
  public:
    task_management(session_context& context, task_set& tasks) : context_(context), tasks_(tasks) {}

    // Without a connection in full feature phase (nullptr) the target knows of no task.
    void abort(task_id id, connection* over, instant now);
    void reset(const lun_field& lun, connection* over, instant now);

    // A reset of a unit that may still be running a write of an earlier connection; what it
    // settles is told to the task set.
    void drain(const lun_field& lun, connection& over, instant now);

    result<void> on_response(const task_management_response& pdu, connection& from, instant now);

    // The time of deadline() has come. A fault ends the connection.
    result<void> on_deadline(connection& over, instant now);

    // The transport is gone, and with it all that was asked for.
    void forget();

    std::optional<instant> deadline() const;

  private:
    struct request {
        task_management_function function = task_management_function::abort_task;
        task_id target = reserved_tag; // of an abort
        lun_field lun{};
        std::uint32_t tag = 0;
        std::uint32_t command_sn = 0;
        instant deadline;
        bool drains = false;
        bool overdue = false; // a wider one is on its way; a late response is still taken
    };

    void send_waiting(connection& over, instant now);
    void send(request what, connection& over, instant now);
    void silence_targets(const request& what);
    duration patience_with(const request& what) const;
    bool covers(const request& what, const task& slot) const;
    bool is_under_way(task_management_function function, const request& tried) const;
    result<void> escalate(const request& tried, const fault& why, connection& over, instant now);
    result<void>
    on_refusal(const request& what, std::uint8_t response, connection& from, instant now);
    result<bool> conclude(const request& what, std::uint8_t response);
    result<bool> conclude_abort(const request& what, std::uint8_t response);
    void conclude_reset(const request& what);

    session_context& context_;
    task_set& tasks_;
    std::deque<request> waiting_;
    std::vector<request> sent_;
};

} // namespace iscsi
