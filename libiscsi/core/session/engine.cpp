#include "libiscsi/core/session/engine.hpp"

#include "libiscsi/core/session/faults.hpp"

#include <algorithm>

namespace iscsi {
namespace {

session_config within_bounds(session_config config) {
    config.commands_max = std::clamp<std::uint16_t>(config.commands_max, 1, 4096);
    config.offer.max_outstanding_r2t =
        std::clamp<std::uint16_t>(config.offer.max_outstanding_r2t, 1, most_outstanding_r2ts);
    return config;
}

task_id task_of(const target_pdu& pdu) {
    return std::visit(
        [](const auto& each) {
            if constexpr (requires { each.initiator_task_tag; })
                return each.initiator_task_tag;
            else
                return reserved_tag;
        },
        pdu
    );
}

} // namespace

session_engine::session_engine(session_config config)
    : context_(within_bounds(std::move(config)))
    , connections_(context_.config)
    , phase_(context_)
    , life_(context_, phase_, connections_) {}

// ---- the transport ----------------------------------------------------------------------------

void session_engine::start(instant now) {
    life_.handle(happening::start, now);
}

void session_engine::resume(std::span<const lun_field> units, instant now) {
    for (const auto& lun : units)
        phase_.tasks().units().of(lun).apply(unit_event::writes_lost);
    life_.resume(now);
}

void session_engine::transport_up(instant now) {
    life_.handle(happening::transport_up, now);
}

void session_engine::connect_failed(const fault& why, instant now) {
    life_.connect_failed(why, now);
}

result<void> session_engine::received(std::size_t n, instant now) {
    context_.now = now;
    auto& from = connections_.leading();
    if (!talks(life_.state()) || from.is_faulty())
        return {};
    context_.statistics.rxdata_octets += n;
    phase_.heard(now);
    from.input().received(n);
    auto outcome = cut(from, now);
    if (outcome.has_error())
        note_fault(from, outcome.error(), now);
    else
        life_.move_when_idle(now);
    return outcome;
}

result<void> session_engine::cut(connection& from, instant now) {
    while (talks(life_.state())) {
        const auto step = from.input().next();
        if (step.has_error())
            return step.error();
        if (*step == framing::starved)
            return {};
        auto done = *step == framing::header ? on_header(from) : on_pdu(from, now);
        if (done.has_error())
            return done;
    }
    return {};
}

result<void> session_engine::on_header(connection& from) {
    if (auto decoded = from.decode(); decoded.has_error())
        return decoded;
    return life_.state() == life::in_login ? result<void>{} : phase_.on_header(from);
}

result<void> session_engine::on_pdu(connection& from, instant now) {
    if (life_.state() == life::in_login)
        return on_login_pdu(from, now);
    const auto leads_to = phase_.on_pdu(from, now);
    if (leads_to.has_error())
        return leads_to.error();
    life_.follow(*leads_to, now);
    return {};
}

// The numbers of a refusal mean nothing (§11.13.4).
result<void> session_engine::on_login_pdu(connection& from, instant now) {
    const auto* response = std::get_if<login_response>(&from.current());
    if (response == nullptr)
        return session_fault(
            session_errc::unexpected_pdu,
            "opcode",
            "another PDU",
            "Login Response in the login phase [RFC 7143 6.3]"
        );
    const auto fresh = response->status_class == 0 ? phase_.is_fresh(from) : result<bool>(true);
    if (fresh.has_error())
        return fresh.error();
    if (*fresh)
        life_.on_response(*response, now);
    return {};
}

// What answers a login with something else than iSCSI will do so again.
void session_engine::note_fault(connection& from, const fault& why, instant now) {
    from.note_fault();
    if (why.code == to_error_code(wire_errc::header_digest_mismatch) ||
        why.code == to_error_code(wire_errc::data_digest_mismatch))
        ++context_.statistics.digest_err;
    if (why.code.category() == enum_category<session_errc>::instance())
        phase_.tasks().blame(task_of(from.current()));
    if (life_.state() == life::in_login)
        life_.fail_login({login_verdict::fatal, 0, 0, why}, now);
}

void session_engine::sent(std::size_t n, instant now) {
    context_.now = now;
    context_.statistics.txdata_octets += n;
    if (life_.state() == life::over)
        connections_.restart();
    else
        connections_.leading().output().sent(n);
    for (auto& each : connections_)
        phase_.tasks().on_left(each.output().left());
    phase_.tasks().complete_released();
    life_.announce_end();
}

void session_engine::transport_lost(const fault& why, instant now) {
    context_.now = now;
    life_.transport_lost(why, now);
}

std::span<const mutable_bytes> session_engine::read_plan() {
    if (!talks(life_.state()))
        return {};
    return connections_.leading().input().read_plan();
}

std::span<const bytes_view> session_engine::write_plan() {
    auto& over = connections_.leading();
    if (!talks(life_.state()) || over.is_faulty())
        return {};
    if (life_.state() == life::logged_in && !over.output().plan_is_out())
        phase_.fill(over);
    return over.output().plan();
}

// ---- work -------------------------------------------------------------------------------------

result<task_id> session_engine::submit(const command& what, instant now) {
    context_.now = now;
    if (ends(life_.state()) || context_.config.type == session_type::discovery)
        return session_fault(session_errc::not_usable, "command");
    auto& tasks = phase_.tasks();
    auto id = tasks.submit(what);
    if (id.has_value() && life_.has_given_up())
        tasks.finish(*tasks.find(*id), task_result::lost, loss_reason::not_back);
    else if (id.has_value() && what.goes_once && life_.state() != life::logged_in)
        tasks.finish(*tasks.find(*id), task_result::lost, loss_reason::goes_once);
    return id;
}

result<std::size_t> session_engine::give_up(instant now) {
    context_.now = now;
    const auto waiting = phase_.tasks().unfinished();
    if (!life_.stop_waiting())
        return session_fault(session_errc::not_usable, "give up");
    return waiting;
}

void session_engine::give_up_unit(const lun_field& lun, instant now) {
    context_.now = now;
    auto& which = phase_.tasks().units().of(lun);
    phase_.management().give_up(which, connections_.leading(), in_full_feature() != nullptr, now);
}

void session_engine::reset_first(const lun_field& lun, instant now) {
    context_.now = now;
    phase_.owe_reset(phase_.tasks().units().of(lun), in_full_feature(), now);
}

void session_engine::change(const session_settings& settings, instant now) {
    context_.now = now;
    static_cast<session_settings&>(context_.config) = settings;
    for (auto& each : connections_)
        each.arrivals().use(sends_nops(settings.timeouts));
    life_.recount_replacement(now);
}

void session_engine::logout(instant now) {
    life_.logout(now);
}

void session_engine::provide_entropy(bytes_view bytes, instant now) {
    life_.provide_entropy(bytes, now);
}

// ---- events and deadlines ---------------------------------------------------------------------

// A slot is free again when its end has been seen: its sense data may be read until then.
std::optional<event> session_engine::poll_event() {
    auto next = context_.events.pop();
    if (next)
        if (const auto* done = std::get_if<task_done>(&*next))
            phase_.tasks().release(done->task);
    return next;
}

// After a Logout nothing new is asked for (§11.14), and its own alarm bounds the wait.
std::optional<instant> session_engine::next_deadline() const {
    return life_.state() == life::logged_in ? earlier(life_.next_deadline(), phase_.deadline())
                                            : life_.next_deadline();
}

void session_engine::handle_deadline(instant now) {
    context_.now = now;
    life_.handle_deadline(now);
    if (life_.state() != life::logged_in)
        return;
    if (auto kept = phase_.on_deadline(connections_.leading(), now); kept.has_error())
        life_.end_connection(kept.error(), now);
}

// ---- shown ------------------------------------------------------------------------------------

connection_state session_engine::connection_shown() const {
    switch (life_.state()) {
    case life::idle:
    case life::over:
        return connection_state::free;
    case life::connecting:
    case life::pausing:
        return connection_state::transport_wait;
    case life::in_login:
        return connection_state::in_login;
    case life::logged_in:
        return connection_state::logged_in;
    case life::leaving:
        return connection_state::in_logout;
    case life::moving:
        return connection_state::logout_requested;
    case life::dropping:
    case life::redirecting:
    case life::refused:
    case life::ending:
        return connection_state::cleanup_wait;
    }
    return connection_state::free;
}

session_state session_engine::state_shown() const {
    const auto now = life_.state();
    if (now == life::logged_in || now == life::moving || now == life::leaving)
        return session_state::logged_in;
    return life_.has_been_in() && !ends(now) ? session_state::failed : session_state::free;
}

} // namespace iscsi
