#include "libiscsi/core/session/engine.hpp"
#include "libiscsi/core/session/faults.hpp"

#include <algorithm>

namespace iscsi {
namespace {

// What a flood of pings can make us hold.
constexpr std::uint32_t most_nops_queued = 32;

// AsyncEvent, §11.9.1
constexpr std::uint8_t async_asks_for_logout = 1;
constexpr std::uint8_t async_drops_connection = 2;
constexpr std::uint8_t async_drops_session = 3;
constexpr std::uint8_t async_asks_for_negotiation = 4;
constexpr std::uint8_t async_ends_tasks = 5;

// ---- which PDUs carry a StatSN that counts (§4.2.2.2) -----------------------------------------

bool counts_status(const nop_in& pdu) {
    return pdu.initiator_task_tag != reserved_tag; // §11.19.2: a ping does not advance StatSN
}

bool counts_status(const data_in& pdu) {
    return pdu.has_status; // §11.7.4
}

bool counts_status(const r2t& /*unused*/) {
    return false; // §11.8.2
}

template <class Pdu>
bool counts_status(const Pdu& /*unused*/) {
    return true;
}

bool is_old(const connection& of, const status_sequence& status) {
    return std::visit(
        [&](const auto& pdu) {
            return counts_status(pdu) && status.judge(pdu.status_sn) == status_order::old;
        },
        of.current()
    );
}

} // namespace

// ---- every PDU --------------------------------------------------------------------------------

result<void> session_engine::on_header(connection& from) {
    if (auto decoded = from.decode(); decoded.has_error())
        return decoded;
    const auto* data = std::get_if<data_in>(&from.current());
    if (data == nullptr || life_ == life::in_login)
        return {};
    if (!is_old(from, from.status()) || tasks_.is_running(data->initiator_task_tag))
        return tasks_.on_data_header(from, *data, from.input().segment_length());
    from.input().discard();
    return {};
}

result<void> session_engine::on_pdu(connection& from, instant now) {
    if (life_ == life::in_login)
        return on_login_pdu(from, now);
    const auto fresh = check_status_number(from);
    if (fresh.has_error())
        return fresh.error();
    if (!*fresh)
        return {};
    return dispatch(from, now);
}

// Of what comes with an old StatSN: does anything still wait for it?
bool session_engine::answers_something(const target_pdu& pdu) {
    if (const auto* response = std::get_if<scsi_response>(&pdu))
        return tasks_.is_running(response->initiator_task_tag);
    if (const auto* data = std::get_if<data_in>(&pdu))
        return tasks_.is_running(data->initiator_task_tag);
    if (const auto* response = std::get_if<task_management_response>(&pdu))
        return management_.expects(response->initiator_task_tag);
    if (std::holds_alternative<text_response>(pdu))
        return text_.under_way();
    return std::holds_alternative<logout_response>(pdu) &&
           (life_ == life::leaving || life_ == life::moving);
}

// False: the target has said this before, and it is ignored. A StatSN is repeated only when a
// retransmission was asked for (§4.2.2.2, §11.4.8), which is not done at ErrorRecoveryLevel 0. So a
// PDU with an old one is either a copy, and then nothing waits for it; or it is an answer that is
// wrongly numbered, and the connection has lost count: tasks are repeated on a new one (§7.1.4.1)
// at once.
result<bool> session_engine::check_status_number(connection& from) {
    return std::visit(
        [this, &from](const auto& pdu) -> result<bool> {
            auto& status = from.status();
            const auto order =
                counts_status(pdu) ? status.judge(pdu.status_sn) : status_order::next;
            if (order == status_order::gap)
                return number_fault(
                    session_errc::status_sn_gap,
                    "StatSN",
                    pdu.status_sn,
                    status.expected(),
                    "[RFC 7143 4.2.2.2]"
                );
            if (order == status_order::old && answers_something(from.current()))
                return number_fault(
                    session_errc::status_sn_gap,
                    "StatSN",
                    pdu.status_sn,
                    status.expected(),
                    "[RFC 7143 4.2.2.2]"
                );
            if (order == status_order::old)
                return false;
            if (counts_status(pdu))
                status.advance(pdu.status_sn);
            context_.window.update(pdu.expected_command_sn, pdu.max_command_sn);
            return true;
        },
        from.current()
    );
}

result<void> session_engine::dispatch(connection& from, instant now) {
    const auto data = from.input().kept_segment();
    return std::visit([&](const auto& pdu) { return on(pdu, from, data, now); }, from.current());
}

// ---- PDUs of tasks ----------------------------------------------------------------------------

result<void> session_engine::on(
    const scsi_response& pdu, connection& /*from*/, bytes_view data, instant /*now*/
) {
    return tasks_.on_response(pdu, data);
}

result<void> session_engine::on(
    const data_in& pdu, connection& /*from*/, bytes_view /*data*/, instant /*now*/
) {
    return tasks_.on_data_in(pdu);
}

result<void>
session_engine::on(const r2t& pdu, connection& /*from*/, bytes_view /*data*/, instant /*now*/) {
    return tasks_.on_r2t(pdu);
}

result<void> session_engine::on(
    const task_management_response& pdu, connection& from, bytes_view /*data*/, instant now
) {
    return management_.on_response(pdu, from, now);
}

// ---- NOP --------------------------------------------------------------------------------------

// A ping of the target is answered with its tag and LUN (§11.18); our own needs no more than to
// have been received.
result<void>
session_engine::on(const nop_in& pdu, connection& from, bytes_view /*data*/, instant now) {
    ++context_.statistics.noprx_pdus;
    const auto tag = pdu.initiator_task_tag;
    if (tag != reserved_tag && control_tags::purpose_of(tag) != control_purpose::ping)
        return session_fault(
            session_errc::unknown_task,
            "NOP-In Initiator Task Tag",
            std::to_string(tag),
            "that of a ping of ours [RFC 7143 11.19.1]"
        );
    from.arrivals().probe_answered(tag, now);
    if (tasks_.timer().probe_answered(tag))
        check_commands(now);
    if (pdu.target_transfer_tag == reserved_tag)
        return {};
    nop_out answer;
    answer.lun = pdu.lun;
    answer.target_transfer_tag = pdu.target_transfer_tag;
    send_nop(from, answer);
    return {};
}

void session_engine::send_ping(connection& over) {
    nop_out ping;
    ping.initiator_task_tag = context_.tags.next(control_purpose::ping);
    send_nop(over, ping);
}

void session_engine::send_probe(connection& over, instant now) {
    nop_out probe;
    probe.initiator_task_tag = context_.tags.next(control_purpose::ping);
    if (!send_nop(over, probe))
        return;
    over.probe_sent(probe.initiator_task_tag, now);
    tasks_.timer().probe_sent(probe.initiator_task_tag, now);
}

// No ping: it only carries ExpStatSN to a target that waits for it (§11.9.1, event 5).
void session_engine::acknowledge(connection& over, const lun_field& lun) {
    nop_out note;
    note.lun = lun;
    send_nop(over, note);
}

// False: too many are on their way already.
bool session_engine::send_nop(connection& over, const nop_out& pdu) {
    if (nops_.held >= most_nops_queued)
        return false;
    auto immediate = pdu;
    immediate.immediate = true;
    immediate.command_sn = context_.window.next();
    over.send(immediate, {{}, &nops_, false});
    ++context_.statistics.noptx_pdus;
    return true;
}

// ---- logout -----------------------------------------------------------------------------------

// The target wants us to log out within that time. Tasks get half of it to end, for what is
// unfinished then must be repeated on the next connection.
void session_engine::drain(duration within, instant now) {
    if (life_ != life::logged_in)
        return;
    tasks_.hold_commands();
    alarms_.set(alarm::drain, now + within / 2);
    move_when_drained(now);
}

void session_engine::move_when_drained(instant now) {
    if (!alarms_.is_set(alarm::drain))
        return;
    if (life_ == life::logged_in && !tasks_.is_drained() && now < alarms_.at(alarm::drain))
        return;
    alarms_.clear(alarm::drain);
    happen(happening::move_asked, now);
}

// Leaving ends the session; moving ends this connection, and the session with it when there is no
// other (§11.14.1).
void session_engine::send_logout(instant now) {
    auto& over = leading();
    logout_request pdu;
    pdu.reason =
        life_ == life::leaving ? logout_reason::close_session : logout_reason::close_connection;
    pdu.initiator_task_tag = context_.tags.next(control_purpose::logout);
    pdu.connection_id = over.id();
    pdu.command_sn = context_.window.next();
    over.send(pdu);
    ++context_.statistics.logout_pdus;
    alarms_.set(alarm::logout, now + context_.config.timeouts.logout);
}

result<void> session_engine::on(
    const logout_response& pdu, connection& /*from*/, bytes_view /*data*/, instant now
) {
    constexpr std::uint8_t closed = 0; // §11.15.1
    ++context_.statistics.logoutrsp_pdus;
    if (life_ != life::leaving && life_ != life::moving)
        return session_fault(
            session_errc::unexpected_pdu, "opcode", "Logout Response", "one that was asked for"
        );
    logout_confirmed_ = pdu.response == closed;
    ordered_wait_ = std::chrono::seconds(pdu.time2wait);
    closing_ = session_fault(session_errc::target_closed, "Logout Response");
    happen(happening::logout_answered, now);
    return {};
}

// ---- what the target starts -------------------------------------------------------------------

result<void>
session_engine::on(const async_message& pdu, connection& from, bytes_view data, instant now) {
    ++context_.statistics.async_pdus;
    context_.events.push_message(pdu, data);
    switch (pdu.async_event) {
    case async_asks_for_logout:
        drain(std::chrono::seconds(pdu.parameter3), now);
        break;
    case async_asks_for_negotiation:
        renegotiate(from);
        break;
    case async_ends_tasks:
        tasks_.on_unit_cleared(pdu.lun);
        acknowledge(from, pdu.lun);
        break;
    case async_drops_connection:
    case async_drops_session:
        ordered_wait_ = std::chrono::seconds(pdu.parameter2); // Time2Wait
        end_connection(
            session_fault(
                session_errc::target_closed, "Async Message", std::to_string(pdu.async_event)
            ),
            now
        );
        break;
    default: // for those above us
        break;
    }
    return {};
}

// A command that was turned down never became a task, so nothing else will answer it. A NOP may go
// unanswered. What else is rejected, or damaged on its way, is repeated over a new connection.
result<void>
session_engine::on(const reject& pdu, connection& /*from*/, bytes_view data, instant /*now*/) {
    constexpr std::uint8_t data_digest_error = 0x02; // §11.17.1
    ++context_.statistics.rjt_pdus;
    basic_header header;
    std::copy_n(data.begin(), header.size(), header.begin());
    const auto rejected = decode_initiator(header);
    if (rejected.has_value() && std::holds_alternative<nop_out>(*rejected))
        return {};
    if (rejected.has_value() && std::holds_alternative<text_request>(*rejected) && renegotiates()) {
        text_.forget(); // what the login has agreed still holds (§6.2)
        return {};
    }
    const auto* command = rejected.has_value() ? std::get_if<scsi_command>(&*rejected) : nullptr;
    auto* target = command != nullptr ? tasks_.find(command->initiator_task_tag) : nullptr;
    if (target != nullptr && target->phase == task_phase::sent && pdu.reason != data_digest_error) {
        tasks_.on_command_rejected(*target);
        return {};
    }
    return session_fault(
        session_errc::rejected, "Reject reason", std::to_string(pdu.reason), "none [RFC 7143 11.17]"
    );
}

result<void> session_engine::on(
    const login_response& /*pdu*/, connection& /*from*/, bytes_view /*data*/, instant /*now*/
) {
    return session_fault(
        session_errc::unexpected_pdu,
        "opcode",
        "Login Response",
        "none in full feature phase [RFC 7143 6.3]"
    );
}

} // namespace iscsi
