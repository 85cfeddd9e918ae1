#pragma once

#include "libiscsi/core/session/connection.hpp"
#include "libiscsi/core/session/context.hpp"
#include "libiscsi/core/session/keepalive.hpp"
#include "libiscsi/core/session/nops.hpp"
#include "libiscsi/core/session/task_management.hpp"
#include "libiscsi/core/session/task_set.hpp"
#include "libiscsi/core/session/text_requests.hpp"
#include "libiscsi/core/session/window_watch.hpp"

#include <optional>
#include <variant>
#include <vector>

namespace iscsi {

// ---- what a PDU of the target means for the life of its session -------------------------------

// The target wants us to log out within that time (§11.9.1, event 1).
struct logout_wanted {
    duration within{};
};

struct logout_answered { // §11.15
    bool closed = false; // as we have asked
    duration time2wait{};
};

// The target ends the connection (§11.9.1, events 2 and 3).
struct connection_dropped {
    fault why;
    duration time2wait{};
};

// Most PDUs mean nothing.
using consequence =
    std::variant<std::monostate, logout_wanted, logout_answered, connection_dropped>;

// Full feature phase (RFC 7143 §4.2.2, §11): what the PDUs of the target mean for tasks, their
// management, text and NOPs, and the requests of our own that follow from it. It knows no transport
// and no life of a session: it says what a PDU means for that (`consequence`).
//
// enter() after each login; on_header() and on_pdu() for each PDU, fill() before each send,
// on_deadline() when deadline() has come; forget() when the connection is gone, which the tasks
// survive: those are parked by the session.
class full_feature_phase {
  public:
    explicit full_feature_phase(session_context& context);

    void enter(connection& over, instant now);
    void stop(); // nothing more is asked of the target
    void forget();

    // session::reset_first(). `over` nullptr: no requests may go out now; enter() sees to it.
    void owe_reset(unit& which, connection* over, instant now);

    // ---- in ----
    void heard(instant now) { keepalive_.heard(now); }

    // Decides on the place of a data segment as soon as its header is there.
    result<void> on_header(connection& from);
    result<consequence> on_pdu(connection& from, instant now);

    // False: the target has said this before, and it is ignored.
    result<bool> is_fresh(connection& from);

    // ---- out ----
    // Commands and data that may go, and a probe where one is wanted.
    void fill(connection& over);
    void send_logout(connection& over, logout_reason why);

    // ---- time ----
    std::optional<instant> deadline() const;

    // A fault ends the connection.
    result<void> on_deadline(connection& over, instant now);

    // ---- parts ----
    task_set& tasks() { return tasks_; }

    const task_set& tasks() const { return tasks_; }

    task_management& management() { return management_; }

    text_requests& text() { return text_; }

  private:
    // A unit that is not to be used before a reset of it is answered, whatever it is trusted with.
    struct owed_reset {
        unit* of = nullptr;
        bool is_another_under_way = false; // one that may have been sent too early
    };

    bool answers_something(const target_pdu& pdu);
    void reset_units_first(connection& over, instant now);
    bool owes_reset(const unit& which) const;
    void settle_resets(bool was_done, connection& over, instant now);
    result<void> check_keepalive(connection& over, instant now);
    void check_commands(connection& over, instant now);
    result<void> check_window(instant now);

    result<consequence> on(const nop_in& pdu, connection& from, bytes_view data, instant now);
    result<consequence>
    on(const scsi_response& pdu, connection& from, bytes_view data, instant now);
    result<consequence>
    on(const task_management_response& pdu, connection& from, bytes_view data, instant now);
    result<consequence>
    on(const login_response& pdu, connection& from, bytes_view data, instant now);
    result<consequence>
    on(const text_response& pdu, connection& from, bytes_view data, instant now);
    result<consequence> on(const data_in& pdu, connection& from, bytes_view data, instant now);
    result<consequence>
    on(const logout_response& pdu, connection& from, bytes_view data, instant now);
    result<consequence> on(const r2t& pdu, connection& from, bytes_view data, instant now);
    result<consequence>
    on(const async_message& pdu, connection& from, bytes_view data, instant now);
    result<consequence> on(const reject& pdu, connection& from, bytes_view data, instant now);

    session_context& context_;
    task_set tasks_;
    task_management management_;
    keepalive keepalive_;
    window_watch window_watch_;
    text_requests text_;
    nops nops_;
    std::vector<owed_reset> owed_;
    bool logout_is_out_ = false; // nothing new is asked for after it (§11.14)
};

} // namespace iscsi
