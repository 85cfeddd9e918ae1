#pragma once

#include "libiscsi/base/bytes.hpp"
#include "libiscsi/base/result.hpp"
#include "libiscsi/core/login/discovery.hpp"
#include "libiscsi/core/parameters.hpp"
#include "libiscsi/core/pdu/pdu.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace iscsi {

// Connect a stream socket, then call transport_up() or connect_failed(). A redirect (RFC 7143
// §11.13.5, status class 1) names another address; otherwise use the record's own.
struct want_transport {
    std::optional<portal> redirect;
    bool redirect_is_permanent = false;
};

// Close the socket, then call transport_lost() with this fault (for example a NOP timeout).
struct want_close {
    fault why;
};

// Call provide_entropy() with this many random bytes.
struct want_entropy {
    std::size_t bytes = 0;
};

// Full feature phase is reached; `again` after a recovery.
struct logged_in {
    bool again = false;
    std::vector<negotiation_warning> warnings = {}; // login parameters that the target got wrong
};

// What a login that failed says of the next one. The first login of a session ends for good unless
// it is `retry`; one that was in before tries again in any case.
enum class login_verdict : std::uint8_t {
    retry,          // may succeed later: status class 3, lost connection, timeout
    authentication, // 0201, 0202: open-iscsi's exit code 24
    fatal,          // other 02xx, negotiation failure, target failed to prove itself: 19
};

// This login attempt is over without success.
struct login_failed {
    login_verdict verdict = login_verdict::retry;
    std::uint8_t status_class = 0;
    std::uint8_t status_detail = 0;
    fault why; // with login_errc::status_refused, `got` is the whole sentence about the status
};

enum class task_result : std::uint8_t {
    // Response and status are the target's.
    answered,

    // GOOD, but the bytes do not add up with the residual (§11.4.5): never hand the data on.
    short_data,

    // By task management, by the target itself (§11.9.1, event 5), or because its time was over.
    // Whether it was done is not known.
    aborted,

    // The session ended or gave up before an answer came. Whether it was done is not known.
    lost,
};

// Why a task is `lost`.
enum class loss_reason : std::uint8_t {
    session_over,     // the session has ended
    not_back,         // it was not back within the replacement timeout
    unit_given_up,    // of its unit, after task management for it in vain or by reset_lun()
    ends_connections, // each connection on which it was sent has ended
    window_shut,      // for the replacement timeout the target has taken no commands
    goes_once,        // there was no connection, or the one that it went out on has ended
};

// Exactly one for each accepted submit(). `sense` is valid until the next input.
struct task_done {
    std::uint64_t cookie = 0;
    std::uint32_t task = 0;
    task_result outcome = task_result::answered;
    bool timed_out = false;                           // aborted because its time was over
    loss_reason why_lost = loss_reason::session_over; // of `lost` only
    unsigned connections = 0;                         // that have ended while the target had it
    bool may_have_run = true;                         // false: it has never gone out to the target
    std::uint8_t response = 0;     // iSCSI response (§11.4.3), judged before the status
    std::uint8_t status = 0;       // SCSI status
    std::uint32_t transferred = 0; // bytes of data moved
    bool residual_overflow = false;
    std::uint32_t residual_count = 0;
    bytes_view sense; // without its length field; empty when there is none
};

// Also an answer of which nothing could be read: the entries are all among the refused then.
using targets_found = discovery_answer;

// The connection has ended before the answer to SendTargets was there: it was lost, or what came in
// place of the answer has ended it.
struct discovery_failed {
    fault why;
};

// AsyncEvent of a target_message whose data is sense of its logical unit (§11.9.1).
inline constexpr std::uint8_t async_scsi_event = 0;

// The target asks for something outside a task (§11.9).
struct target_message {
    async_message message;
    bytes_view data; // valid until the next input
};

// The session is over: close the socket if there still is one.
struct logged_out {
    bool clean = false; // the target confirmed it
};

// Nobody waits for the next login any more: parked tasks have failed.
struct gave_up {
    std::size_t tasks = 0;  // that have failed
    bool was_asked = false; // by give_up(); else the replacement timeout has ended
};

// The unit has not answered its commands, and no task management was done for them, up to the last
// rung of the ladder: its commands end as lost, at once, until a reset of it is done.
struct unit_given_up {
    lun_field lun{};
    bool was_asked = false; // by reset_lun(): there was no ladder
};

struct unit_is_back {
    lun_field lun{};
};

using event = std::variant<
    task_done,
    want_transport,
    want_close,
    want_entropy,
    logged_in,
    login_failed,
    targets_found,
    discovery_failed,
    target_message,
    logged_out,
    gave_up,
    unit_given_up,
    unit_is_back>;

// The names that `iscsiadm -m session -P 1` prints.
enum class connection_state : std::uint8_t {
    free,
    transport_wait,
    in_login,
    logged_in,
    in_logout,
    logout_requested,
    cleanup_wait,
};

enum class session_state : std::uint8_t { free, logged_in, failed };

// Counters of `iscsiadm -m session -s`, by RFC names.
struct session_statistics {
    std::uint64_t txdata_octets = 0;
    std::uint64_t rxdata_octets = 0;
    std::uint64_t noptx_pdus = 0;
    std::uint64_t scsicmd_pdus = 0;
    std::uint64_t tmfcmd_pdus = 0;
    std::uint64_t login_pdus = 0;
    std::uint64_t text_pdus = 0;
    std::uint64_t dataout_pdus = 0;
    std::uint64_t logout_pdus = 0;
    std::uint64_t snack_pdus = 0;
    std::uint64_t noprx_pdus = 0;
    std::uint64_t scsirsp_pdus = 0;
    std::uint64_t tmfrsp_pdus = 0;
    std::uint64_t textrsp_pdus = 0;
    std::uint64_t datain_pdus = 0;
    std::uint64_t logoutrsp_pdus = 0;
    std::uint64_t r2t_pdus = 0;
    std::uint64_t async_pdus = 0;
    std::uint64_t rjt_pdus = 0;
    std::uint64_t digest_err = 0;
    std::uint64_t timeout_err = 0;

    // Ours, not of that list.
    std::uint64_t logins = 0; // that have succeeded: each but the first is a reconnection
    std::uint64_t abort_tasks = 0;
    std::uint64_t unit_resets = 0;
    std::uint64_t target_resets = 0;
};

enum class session_errc {
    // of submit() and send_targets(): the session goes on
    no_free_slot = 1,
    not_usable,
    command_too_long,
    not_negotiated,
    // protocol violations that end a connection
    unexpected_pdu,
    unknown_task,
    status_sn_gap,
    data_sn_gap,
    r2t_sn_gap,
    data_out_of_range,
    data_out_of_order,
    r2t_out_of_range,
    too_many_r2ts,
    residual_mismatch,
    rejected,
    rejected_for_now, // what was asked may be asked again (§11.17.1)
    // timers and requests
    login_timeout,
    noop_timeout,
    window_shut,
    task_management_timeout,
    target_closed,
    text_too_long,
    logout_timeout,
    too_many_redirects,
};

const char* category_name(session_errc);
std::string_view message_of(session_errc);

} // namespace iscsi
