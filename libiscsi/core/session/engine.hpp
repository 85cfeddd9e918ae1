#pragma once

#include "libiscsi/core/session/connection_set.hpp"
#include "libiscsi/core/session/context.hpp"
#include "libiscsi/core/session/full_feature_phase.hpp"
#include "libiscsi/core/session/session_life.hpp"

namespace iscsi {

// What stands behind the façade `session`: takes its inputs, gives the PDUs among them to the phase
// that they belong to, and tells session_life what has come of that.
class session_engine {
  public:
    explicit session_engine(session_config config);

    // ---- the transport ----
    void start(instant now);
    void resume(std::span<const lun_field> units, instant now);
    void transport_up(instant now);
    void connect_failed(const fault& why, instant now);
    result<void> received(std::size_t n, instant now);
    void sent(std::size_t n, instant now);
    void transport_lost(const fault& why, instant now);
    void handle_deadline(instant now);

    // ---- work ----
    result<task_id> submit(const command& what, instant now);
    result<std::size_t> give_up(instant now);
    void give_up_unit(const lun_field& lun, instant now);
    void reset_first(const lun_field& lun, instant now);
    void change(const session_settings& settings, instant now);
    void logout(instant now);
    void provide_entropy(bytes_view bytes, instant now);

    // ---- outputs ----
    std::span<const mutable_bytes> read_plan();
    std::span<const bytes_view> write_plan();
    std::optional<event> poll_event();
    std::optional<instant> next_deadline() const;

    connection_state connection_shown() const;
    session_state state_shown() const;

    // ---- parts ----
    const session_context& context() const { return context_; }

    full_feature_phase& phase() { return phase_; }

    // Where requests may go out now; nullptr: not in full feature phase, or about to leave it.
    connection* in_full_feature() {
        return life_.state() == life::logged_in ? &connections_.leading() : nullptr;
    }

  private:
    result<void> cut(connection& from, instant now);
    result<void> on_header(connection& from);
    result<void> on_pdu(connection& from, instant now);
    result<void> on_login_pdu(connection& from, instant now);
    void note_fault(connection& from, const fault& why, instant now);

    session_context context_;
    connection_set connections_;
    full_feature_phase phase_;
    session_life life_;
};

} // namespace iscsi
