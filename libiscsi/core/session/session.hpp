#pragma once

#include "libiscsi/core/parameters.hpp"
#include "libiscsi/core/session/command.hpp"
#include "libiscsi/core/session/event.hpp"

#include <memory>
#include <optional>
#include <span>

namespace iscsi {

// When the commands of a unit that is reset end.
enum class task_end : std::uint8_t { when_answered, at_once };

// An iSCSI session at ErrorRecoveryLevel 0, without I/O: no socket, thread, clock or random.
//
// The world calls the inputs; after any input it drains poll_event(), looks at write_plan() and
// re-reads next_deadline(). No input calls back.
//
//   start → event want_transport → transport_up or connect_failed
//         → event logged_in (full feature phase) or login_failed
//   transport_lost parks unfinished tasks; after Time2Wait comes want_transport again, and after
//   the next logged_in the tasks go out in their original order. When the replacement timeout ends
//   first, the parked tasks fail and new ones fail at once until a login succeeds.
//   Whenever the session itself wants the transport to end (a refused login, a redirect, a silent
//   target), the event want_close comes first, and everything else follows transport_lost().
//   login_failed with the verdict `retry`, and any login_failed of a session that was logged in
//   before, is followed by want_transport after a pause; else start() begins anew.
//
// I/O contract: read_plan() and write_plan() hand out memory. From the moment a driver starts a
// receive until it calls received() or transport_lost(), it may write to the spans of that plan;
// the same for sends, write_plan() and sent(). The session keeps tasks whose memory is handed out
// from completing meanwhile. At most one receive and one send are under way at a time.
class session {
  public:
    // Allocates everything that full feature phase needs.
    explicit session(session_config config);
    ~session();
    session(session&&) noexcept;
    session& operator=(session&&) noexcept;
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    // ---- inputs: the connection ----
    void start(instant now);

    // In place of start(): this session goes on where another one with the same ISID ended without
    // a Logout, as after a crash of the initiator. It is as after a loss: it tries until the end of
    // the replacement timeout and beyond, and raises the replay barrier for the units where that
    // one may have left writes behind.
    void resume(std::span<const lun_field> units, instant now);
    void transport_up(instant now);
    void connect_failed(const fault& why, instant now);

    // n bytes have arrived in the memory of the last read_plan(). On a fault the connection must
    // be closed and transport_lost() called with it.
    result<void> received(std::size_t n, instant now);

    // n bytes of the last write_plan() have left.
    void sent(std::size_t n, instant now);
    void transport_lost(const fault& why, instant now);

    // The time of next_deadline() has come (being late is harmless).
    void handle_deadline(instant now);

    // ---- inputs: work ----
    // Faults: session_errc::no_free_slot, ::not_usable (logging out, or a discovery session),
    // ::command_too_long. Before the first login and during a recovery a command waits, unless it
    // goes once.
    result<task_id> submit(const command& what, instant now);
    // Both end in the task_done events of the tasks. A command whose time is over is aborted by the
    // session itself (command::timeout). What the target refuses or does not answer in
    // time climbs the ladder: ABORT TASK, LOGICAL UNIT RESET, TARGET WARM RESET, a new connection;
    // each step with its own timeout, and ending all tasks that it covers as aborted. A task whose
    // abort was asked for is never re-issued.
    // With task_end::at_once the unit is given up, as at the end of the ladder: its commands end as
    // lost, whatever the target does, and so do new ones until the reset is answered, which goes
    // out with the next connection if there is none. Nothing happens to a unit without commands.
    // While data are being received into the memory of one, they end with that segment; if it takes
    // more than 2 s, with the connection.
    void abort(task_id task, instant now);
    void reset_lun(const lun_field& lun, instant now, task_end when = task_end::when_answered);

    // No command goes out to this unit until let_go(), but those that go ahead. For who must learn
    // after a new connection whether the unit is still the same.
    void hold(const lun_field& lun);
    void let_go(const lun_field& lun);

    // The target of this unit is known to end old tasks at session reinstatement: with
    // barrier_policy::automatic it is not reset.
    void trust_reinstatement(const lun_field& lun);

    // A write of another session of ours may still run there, whose end nobody will hear of: until
    // a reset of the unit is answered nothing goes out to it, whatever the policy and whatever its
    // target is trusted with, for no session was reinstated. A target that refuses is not believed;
    // the unit ends as one that answers nothing. Without a connection the reset is the next one's.
    void reset_first(const lun_field& lun, instant now);

    // SendTargets=value ("All" in a discovery session, RFC 7143 Appendix C); ends in the event
    // targets_found or discovery_failed.
    result<void> send_targets(std::string_view value, instant now);

    // What the end of the replacement timeout does, now: parked tasks fail, new ones fail at once
    // until a login succeeds, and the session goes on trying. The event gave_up follows, after the
    // transport_lost() that want_close has asked for, if it has; not when the session had given up
    // before. Returns how many tasks are ended by it. Fault: session_errc::not_usable for a session
    // that is logged in, was not yet, or is being logged out: nothing waits for a connection.
    result<std::size_t> give_up(instant now);

    // From now on. The replacement timeout counts from the loss all the same, and is over when it
    // has passed already; timeouts of what was asked of the target count with what is asked next.
    void change(const session_settings& settings, instant now);

    // Ends the session in every state; event logged_out follows, within the logout timeout.
    void logout(instant now);

    // Random bytes that want_entropy asked for.
    void provide_entropy(bytes_view bytes, instant now);

    // ---- outputs ----
    // Where received bytes must go, in this order. Valid until received() or transport_lost().
    // Empty when nothing may be received: without a transport, and after want_close.
    std::span<const mutable_bytes> read_plan();

    // Everything that can be sent now, in this order; empty when there is nothing. Stays in place
    // until sent() or transport_lost(); PDUs submitted meanwhile come in the next plan.
    std::span<const bytes_view> write_plan();

    // The slot of a task is free again when its task_done has been polled.
    std::optional<event> poll_event();
    std::optional<instant> next_deadline() const;

    // ---- what `iscsiadm -m session -P 3` shows ----
    connection_state connection() const;
    session_state state() const;
    const session_config& config() const;
    const operational_parameters& parameters() const; // negotiated
    const session_statistics& statistics() const;
    std::size_t free_slots() const; // for commands that do not go ahead

    // How many of them a unit may take and still leave some to the others. 0: let others be first.
    std::size_t free_slots(const lun_field& lun);
    std::size_t unfinished_tasks() const;

  private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};

} // namespace iscsi
