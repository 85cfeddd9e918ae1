#include "libiscsi/core/session/full_feature_phase.hpp"

#include "libiscsi/core/session/faults.hpp"
#include "libiscsi/core/session/reject_reason.hpp"

#include <algorithm>
#include <string>

namespace iscsi {
namespace {

constexpr std::uint8_t function_complete = 0; // §11.6.1
constexpr std::uint8_t lun_does_not_exist = 2;

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

bool is_old(connection& of) {
    return std::visit(
        [&of](const auto& pdu) {
            return counts_status(pdu) && of.status().judge(pdu.status_sn) == status_order::old;
        },
        of.current()
    );
}

result<consequence> nothing_more(const result<void>& done) {
    if (done.has_error())
        return done.error();
    return consequence{};
}

} // namespace

full_feature_phase::full_feature_phase(session_context& context)
    : context_(context)
    , tasks_(context)
    , management_(context, tasks_)
    , keepalive_(context.config.timeouts)
    , text_(context)
    , nops_(context) {}

// ---- begin and end ----------------------------------------------------------------------------

void full_feature_phase::enter(connection& over, instant now) {
    over.enter_full_feature(context_.parameters);
    logout_is_out_ = false;
    keepalive_.start(now);
    reset_units_first(over, now);
}

// Before anything goes out again to a unit: writes of the lost connection that may still be running
// there. A unit that needed a new connection is not trusted.
void full_feature_phase::reset_units_first(connection& over, instant now) {
    const auto policy = context_.config.replay_barrier;
    for (auto& each : tasks_.units()) {
        if (!wants_reset(each.state()))
            continue;
        const bool trusted = each.is_trusted && policy == barrier_policy::automatic &&
                             !each.had_connection && !is_lost(each.state());
        if ((policy == barrier_policy::none || trusted) && !owes_reset(each))
            reset_over(each, context_.events);
        else
            management_.reset_first(each, over, now);
    }
    for (auto& each : owed_)
        each.is_another_under_way = false;
}

bool full_feature_phase::owes_reset(const unit& which) const {
    return std::ranges::find(owed_, &which, &owed_reset::of) != owed_.end();
}

void full_feature_phase::owe_reset(unit& which, connection* over, instant now) {
    const bool is_another_under_way = over != nullptr && wants_reset(which.state());
    std::erase_if(owed_, [&which](const owed_reset& each) { return each.of == &which; });
    owed_.push_back({&which, is_another_under_way});
    which.apply(unit_event::writes_lost);
    if (over != nullptr && !is_another_under_way)
        management_.reset(which.lun(), over, now);
}

// A function has been answered. Where a unit is open without having been reset since then, for the
// target has refused and was believed, or an earlier reset has ended, it is closed again, and the
// ladder begins.
void full_feature_phase::settle_resets(bool was_done, connection& over, instant now) {
    for (auto& each : owed_) {
        if (wants_reset(each.of->state()))
            continue;
        const bool is_settled = was_done && !each.is_another_under_way;
        each.is_another_under_way = false;
        if (is_settled) {
            each.of = nullptr;
            continue;
        }
        each.of->apply(unit_event::writes_lost);
        management_.reset(each.of->lun(), &over, now);
    }
    std::erase_if(owed_, [](const owed_reset& each) { return each.of == nullptr; });
}

void full_feature_phase::stop() {
    keepalive_.stop();
    window_watch_.forget();
    management_.forget();
    text_.stop();
}

void full_feature_phase::forget() {
    stop();
    text_.forget();
    logout_is_out_ = false;
}

// ---- every PDU --------------------------------------------------------------------------------

result<void> full_feature_phase::on_header(connection& from) {
    const auto* data = std::get_if<data_in>(&from.current());
    if (data == nullptr)
        return {};
    if (!is_old(from) || tasks_.is_running(data->initiator_task_tag))
        return tasks_.on_data_header(from, *data, from.input().segment_length());
    from.input().discard();
    return {};
}

result<consequence> full_feature_phase::on_pdu(connection& from, instant now) {
    const auto fresh = is_fresh(from);
    if (fresh.has_error())
        return fresh.error();
    if (!*fresh)
        return consequence{};
    const auto data = from.input().kept_segment();
    auto means =
        std::visit([&](const auto& pdu) { return on(pdu, from, data, now); }, from.current());
    management_.give_up_unwanted(from, !logout_is_out_, now);
    return means;
}

// Of what comes with an old StatSN: does anything still wait for it?
bool full_feature_phase::answers_something(const target_pdu& pdu) {
    if (const auto* response = std::get_if<scsi_response>(&pdu))
        return tasks_.is_running(response->initiator_task_tag);
    if (const auto* data = std::get_if<data_in>(&pdu))
        return tasks_.is_running(data->initiator_task_tag);
    if (const auto* response = std::get_if<task_management_response>(&pdu))
        return management_.expects(response->initiator_task_tag);
    if (std::holds_alternative<text_response>(pdu))
        return text_.under_way();
    return std::holds_alternative<logout_response>(pdu) && logout_is_out_;
}

// A StatSN is repeated only when a retransmission was asked for (§4.2.2.2, §11.4.8), which is not
// done at ErrorRecoveryLevel 0. So a PDU with an old one is either a copy, and then nothing waits
// for it; or it is an answer that is wrongly numbered, and the connection has lost count: tasks are
// repeated on a new one (§7.1.4.1) at once.
result<bool> full_feature_phase::is_fresh(connection& from) {
    return std::visit(
        [this, &from](const auto& pdu) -> result<bool> {
            auto& status = from.status();
            const auto order =
                counts_status(pdu) ? status.judge(pdu.status_sn) : status_order::next;
            if (order == status_order::gap ||
                (order == status_order::old && answers_something(from.current())))
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

// ---- PDUs of tasks ----------------------------------------------------------------------------

result<consequence> full_feature_phase::on(
    const scsi_response& pdu, connection& /*from*/, bytes_view data, instant /*now*/
) {
    window_watch_.answered();
    return nothing_more(tasks_.on_response(pdu, data));
}

result<consequence> full_feature_phase::on(
    const data_in& pdu, connection& /*from*/, bytes_view /*data*/, instant /*now*/
) {
    if (pdu.has_status)
        window_watch_.answered();
    return nothing_more(tasks_.on_data_in(pdu));
}

result<consequence>
full_feature_phase::on(const r2t& pdu, connection& /*from*/, bytes_view /*data*/, instant /*now*/) {
    return nothing_more(tasks_.on_r2t(pdu));
}

result<consequence> full_feature_phase::on(
    const task_management_response& pdu, connection& from, bytes_view /*data*/, instant now
) {
    const auto done = management_.on_response(pdu, from, now);
    if (done.has_value())
        settle_resets(
            pdu.response == function_complete || pdu.response == lun_does_not_exist, from, now
        );
    return nothing_more(done);
}

// ---- other answers ----------------------------------------------------------------------------

// A ping of the target is answered (§11.18); our own needs no more than to have been received.
result<consequence>
full_feature_phase::on(const nop_in& pdu, connection& from, bytes_view /*data*/, instant now) {
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
        check_commands(from, now);
    if (pdu.target_transfer_tag != reserved_tag)
        nops_.answer(from, pdu);
    return consequence{};
}

result<consequence> full_feature_phase::
    on(const text_response& pdu, connection& from, bytes_view data, instant /*now*/) {
    return nothing_more(text_.on_response(pdu, data, from));
}

result<consequence> full_feature_phase::on(
    const logout_response& pdu, connection& /*from*/, bytes_view /*data*/, instant /*now*/
) {
    constexpr std::uint8_t closed = 0; // §11.15.1
    ++context_.statistics.logoutrsp_pdus;
    if (!logout_is_out_)
        return session_fault(
            session_errc::unexpected_pdu, "opcode", "Logout Response", "one that was asked for"
        );
    return consequence{
        logout_answered{pdu.response == closed, std::chrono::seconds(pdu.time2wait)}};
}

result<consequence> full_feature_phase::on(
    const login_response& /*pdu*/, connection& /*from*/, bytes_view /*data*/, instant /*now*/
) {
    return session_fault(
        session_errc::unexpected_pdu,
        "opcode",
        "Login Response",
        "none in full feature phase [RFC 7143 6.3]"
    );
}

// ---- what the target starts -------------------------------------------------------------------

result<consequence>
full_feature_phase::on(const async_message& pdu, connection& from, bytes_view data, instant now) {
    ++context_.statistics.async_pdus;
    context_.events.push_message(pdu, data);
    switch (pdu.async_event) {
    case async_asks_for_logout:
        return consequence{logout_wanted{std::chrono::seconds(pdu.parameter3)}};
    case async_asks_for_negotiation:
        if (!logout_is_out_)
            text_.renegotiate(from, now);
        break;
    case async_ends_tasks:
        tasks_.on_unit_cleared(pdu.lun);
        nops_.acknowledge(from, pdu.lun);
        break;
    case async_drops_connection:
    case async_drops_session:
        return consequence{connection_dropped{
            session_fault(
                session_errc::target_closed, "Async Message", std::to_string(pdu.async_event)
            ),
            std::chrono::seconds(pdu.parameter2)}};
    default: // for those above us
        break;
    }
    return consequence{};
}

// A command that was turned down never became a task, so nothing else will answer it. A NOP may go
// unanswered. What else is rejected, or damaged on its way, is repeated over a new connection.
result<consequence>
full_feature_phase::on(const reject& pdu, connection& /*from*/, bytes_view data, instant /*now*/) {
    constexpr std::uint8_t data_digest_error = 0x02; // §11.17.1
    ++context_.statistics.rjt_pdus;
    basic_header header;
    std::copy_n(data.begin(), header.size(), header.begin());
    const auto rejected = decode_initiator(header);
    if (rejected.has_value() && std::holds_alternative<nop_out>(*rejected))
        return consequence{};
    if (rejected.has_value() && std::holds_alternative<text_request>(*rejected) &&
        text_.on_reject())
        return consequence{};
    const auto* command = rejected.has_value() ? std::get_if<scsi_command>(&*rejected) : nullptr;
    if (command != nullptr && tasks_.is_running(command->initiator_task_tag) &&
        pdu.reason != data_digest_error) {
        tasks_.on_command_rejected(*tasks_.find(command->initiator_task_tag));
        return consequence{};
    }
    return session_fault(
        may_be_sent_again(pdu.reason) ? session_errc::rejected_for_now : session_errc::rejected,
        "Reject reason",
        describe_reject(pdu.reason),
        "none [RFC 7143 11.17]"
    );
}

// ---- out --------------------------------------------------------------------------------------

void full_feature_phase::fill(connection& over) {
    tasks_.sender().emit(over);
    window_watch_.look(!context_.window.open() && tasks_.unfinished() > 0, context_.now);
    if (!over.wants_probe() && !tasks_.wants_probe())
        return;
    const auto tag = nops_.probe(over);
    if (!tag)
        return;
    over.probe_sent(*tag, context_.now);
    tasks_.timer().probe_sent(*tag, context_.now);
}

void full_feature_phase::send_logout(connection& over, logout_reason why) {
    logout_request pdu;
    pdu.reason = why;
    pdu.initiator_task_tag = context_.tags.next(control_purpose::logout);
    pdu.connection_id = over.id();
    pdu.command_sn = context_.window.next();
    over.send(pdu);
    ++context_.statistics.logout_pdus;
    logout_is_out_ = true;
    text_.stop();
}

// ---- time -------------------------------------------------------------------------------------

std::optional<instant> full_feature_phase::deadline() const {
    const auto of_tasks = earlier(management_.deadline(), tasks_.timer().deadline());
    const auto of_link = earlier(keepalive_.deadline(), window_watch_.deadline());
    return earlier(earlier(of_link, text_.deadline()), of_tasks);
}

result<void> full_feature_phase::on_deadline(connection& over, instant now) {
    if (auto kept = check_keepalive(over, now); kept.has_error())
        return kept;
    if (const auto at = management_.deadline(); at && *at <= now)
        if (auto climbed = management_.on_deadline(over, now); climbed.has_error())
            return climbed;
    if (const auto at = tasks_.timer().deadline(); at && *at <= now)
        check_commands(over, now);
    text_.on_deadline(over, now);
    return check_window(now);
}

result<void> full_feature_phase::check_keepalive(connection& over, instant now) {
    switch (keepalive_.judge(now)) {
    case keepalive::verdict::fine:
        break;
    case keepalive::verdict::ask:
        nops_.ping(over);
        break;
    case keepalive::verdict::dead:
        ++context_.statistics.timeout_err;
        return session_fault(session_errc::noop_timeout, "NOP-Out");
    }
    return {};
}

// What the target has of ours is watched by its own time.
result<void> full_feature_phase::check_window(instant now) {
    if (!window_watch_.is_late(now) || context_.window.open() || !tasks_.is_idle() ||
        tasks_.unfinished() == 0 || logout_is_out_)
        return {};
    ++context_.statistics.timeout_err;
    if (window_watch_.is_hopeless(now, context_.config.timeouts.replacement))
        tasks_.lose_all(loss_reason::window_shut);
    return session_fault(
        session_errc::window_shut,
        "MaxCmdSN",
        std::to_string(context_.window.max()),
        "CmdSN " + std::to_string(context_.window.next()) + " or more within " +
            std::to_string(window_watch::patience / std::chrono::seconds(1)) +
            " s without a command [RFC 7143 4.2.2.1]"
    );
}

void full_feature_phase::check_commands(connection& over, instant now) {
    if (logout_is_out_)
        return;
    for (auto* late : tasks_.timer().check(now)) {
        ++context_.statistics.timeout_err;
        late->timed_out = true;
        management_.abort(late->id, &over, now);
    }
}

} // namespace iscsi
