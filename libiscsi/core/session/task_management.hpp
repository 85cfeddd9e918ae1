#pragma once

#include "libiscsi/core/session/alarms.hpp"
#include "libiscsi/core/session/connection.hpp"
#include "libiscsi/core/session/context.hpp"
#include "libiscsi/core/session/escalation.hpp"
#include "libiscsi/core/session/task_set.hpp"

#include <deque>
#include <optional>
#include <vector>

namespace iscsi {

// Aborts of tasks and resets (RFC 7143 §11.5, §11.6). A function that the target refuses or does
// not answer in time is followed by the next rung of the ladder (escalation.hpp), which ends with a
// new connection, or with the unit alone.
//
// Bound for a unit that answers none: timeouts.abort + lu_reset + target_reset, after the command's
// own time; when no other unit is answered either, a new connection and one lu_reset more.
class task_management {
  public:
    task_management(session_context& context, task_set& tasks) : context_(context), tasks_(tasks) {}

    // Without a connection in full feature phase (nullptr) the target knows of no task.
    void abort(task_id id, connection* over, instant now);
    void reset(const lun_field& lun, connection* over, instant now);

    // A reset of a unit that may still be running a write of an earlier connection; its answer
    // lets the unit go on.
    void reset_first(unit& which, connection& over, instant now);

    result<void> on_response(const task_management_response& pdu, connection& from, instant now);

    // session::reset_lun() with task_end::at_once. `may_ask`: requests may go out on this
    // connection now.
    void give_up(unit& which, connection& over, bool may_ask, instant now);

    // After each PDU: what give_up() could not do before.
    void give_up_unwanted(connection& over, bool may_ask, instant now);

    // A function with this tag waits for its response.
    bool expects(std::uint32_t tag) const;

    // The time of deadline() has come. A fault ends the connection.
    result<void> on_deadline(connection& over, instant now);

    // The transport is gone, and with it all that was asked for.
    void forget();

    std::optional<instant> deadline() const;

  private:
    struct request {
        rung step = rung::abort_task;
        unit* of = nullptr;            // the unit in trouble
        task_id target = reserved_tag; // of an abort
        instant since{};               // the first function of this ladder
        std::uint32_t tag = 0;
        std::uint32_t command_sn = 0;
        instant deadline{};
        bool comes_first = false; // reset_first()
        bool overdue = false;     // the next rung is on its way; a late response is still taken
    };

    // A lost unit is reset again now and then: an answer brings it back.
    struct later_reset {
        unit* of = nullptr;
        instant at{};
        duration gap{};
    };

    // A unit that is to be given up; not yet, for a segment is being received for a task of it.
    struct unwanted_unit {
        unit* of = nullptr;
        instant until{};
    };

    void reset_again_later(unit& which, instant now);
    void reset_lost_units(connection& over, instant now);
    void give_up_requests(const unit& of, bool resets_too);
    void give_up_overdue_aborts(const unit& of);
    void send_waiting(connection& over, instant now);
    bool has_place(const request& next) const;
    void send(request what, connection& over, instant now);
    task_management_request pdu_of(const request& what);
    void silence_targets(const request& what);
    duration patience_with(const request& what) const;
    bool covers(const request& what, const task& slot) const;
    bool is_under_way(rung step, const request& tried);
    result<void>
    escalate(const request& tried, bool refused, const fault& why, connection& over, instant now);
    result<void>
    climb(rung to, const request& tried, const fault& why, connection& over, instant now);
    void add_wider(rung step, const request& tried);
    bool lose(unit& which, connection& over, instant now);
    bool lose_as_asked(unit& which, connection& over, bool may_ask, instant now);
    result<void> check_unwanted(instant now) const;
    result<void> on_unknown(std::uint32_t tag);
    result<void>
    on_refusal(const request& what, std::uint8_t response, connection& from, instant now);
    result<bool> conclude(const request& what, std::uint8_t response);
    result<bool> conclude_abort(const request& what, std::uint8_t response);
    void conclude_reset(const request& what);

    session_context& context_;
    task_set& tasks_;
    std::deque<request> waiting_;
    std::vector<request> sent_;
    std::vector<later_reset> later_;
    std::vector<unwanted_unit> unwanted_;
    std::size_t given_up_ = 0; // functions in lost units, which may still be answered
};

} // namespace iscsi
