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
    , tasks_(context_)
    , management_(context_, tasks_)
    , keepalive_(
          context_.config.timeouts.noop_out_interval, context_.config.timeouts.noop_out_timeout
      ) {
    const bool probes = context_.config.timeouts.noop_out_interval > duration::zero();
    connections_.emplace_back(std::uint16_t{0}, context_.config.staging_size, probes);
}

// ---- the transport ----------------------------------------------------------------------------

void session_engine::start(instant now) {
    happen(happening::start, now);
}

void session_engine::resume(std::span<const lun_field> units, instant now) {
    has_been_in_ = true;
    for (const auto& lun : units)
        tasks_.units().of(lun).apply(unit_event::writes_lost);
    happen(happening::start, now);
    count_down_to_replacement(now);
}

void session_engine::transport_up(instant now) {
    happen(happening::transport_up, now);
}

void session_engine::connect_failed(const fault& why, instant now) {
    if (life_ != life::connecting)
        return;
    context_.events.push(login_failed{login_verdict::retry, 0, 0, why});
    happen(happening::connect_failed, now);
}

result<void> session_engine::received(std::size_t n, instant now) {
    context_.now = now;
    auto& from = leading();
    if (!talks(life_) || broken_)
        return {};
    context_.statistics.rxdata_octets += n;
    keepalive_.heard(now);
    from.input().received(n);
    auto outcome = cut(from, now);
    if (outcome.has_error())
        note_fault(from, outcome.error(), now);
    else
        move_when_drained(now);
    return outcome;
}

result<void> session_engine::cut(connection& from, instant now) {
    while (talks(life_)) {
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

// What answers a login with something else than iSCSI will do so again.
void session_engine::note_fault(connection& from, const fault& why, instant now) {
    broken_ = true;
    if (why.code == to_error_code(wire_errc::header_digest_mismatch) ||
        why.code == to_error_code(wire_errc::data_digest_mismatch))
        ++context_.statistics.digest_err;
    if (why.code.category() == enum_category<session_errc>::instance())
        tasks_.blame(task_of(from.current()));
    if (life_ == life::in_login)
        fail_login({login_verdict::fatal, 0, 0, why}, now);
}

void session_engine::sent(std::size_t n, instant now) {
    context_.now = now;
    context_.statistics.txdata_octets += n;
    for (auto& each : connections_)
        if (life_ == life::over)
            each.restart();
        else
            each.output().sent(n);
    for (auto& each : connections_)
        tasks_.on_left(each.output().left());
    tasks_.complete_released();
    announce_end();
}

void session_engine::transport_lost(const fault& why, instant now) {
    context_.now = now;
    const bool was_in_login = life_ == life::in_login;
    context_.events.forget_want_close();
    release_transport(now);
    if (was_in_login)
        context_.events.push(login_failed{login_verdict::retry, 0, 0, why});
    happen(happening::transport_lost, now);
    announce_end();
}

std::span<const mutable_bytes> session_engine::read_plan() {
    if (!talks(life_))
        return {};
    return leading().input().read_plan();
}

std::span<const bytes_view> session_engine::write_plan() {
    auto& over = leading();
    if (!talks(life_) || broken_)
        return {};
    if (life_ == life::logged_in && !over.output().plan_is_out()) {
        tasks_.emit(over);
        if (over.wants_probe() || tasks_.wants_probe())
            send_probe(over, context_.now);
    }
    return over.output().plan();
}

// ---- work -------------------------------------------------------------------------------------

result<task_id> session_engine::submit(const command& what, instant now) {
    context_.now = now;
    if (ends(life_) || context_.config.type == session_type::discovery)
        return session_fault(session_errc::not_usable, "command");
    auto id = tasks_.submit(what);
    if (id.has_value() && given_up_)
        tasks_.finish(*tasks_.find(*id), task_result::lost);
    return id;
}

void session_engine::abort(task_id task, instant now) {
    management_.abort(task, life_ == life::logged_in ? &leading() : nullptr, now);
}

void session_engine::reset_lun(const lun_field& lun, instant now) {
    management_.reset(lun, life_ == life::logged_in ? &leading() : nullptr, now);
}

void session_engine::logout(instant now) {
    closing_ = session_fault(session_errc::not_usable, "logout");
    happen(happening::logout_asked, now);
}

// ---- events and deadlines ---------------------------------------------------------------------

// A slot is free again when its end has been seen: its sense data may be read until then.
std::optional<event> session_engine::poll_event() {
    auto next = context_.events.pop();
    if (next)
        if (const auto* done = std::get_if<task_done>(&*next))
            tasks_.release(done->task);
    return next;
}

// After a Logout nothing new is asked for (§11.14), and its own alarm bounds the wait.
std::optional<instant> session_engine::next_deadline() const {
    if (life_ != life::logged_in)
        return alarms_.next();
    const auto of_tasks = earlier(management_.deadline(), tasks_.timer().deadline());
    return earlier(alarms_.next(), earlier(keepalive_.deadline(), of_tasks));
}

void session_engine::handle_deadline(instant now) {
    context_.now = now;
    while (const auto due = alarms_.take_due(now))
        on_alarm(*due, now);
    if (life_ != life::logged_in)
        return;
    check_keepalive(now);
    check_task_management(now);
    const auto at = tasks_.timer().deadline();
    if (at && *at <= now)
        check_commands(now);
}

void session_engine::on_alarm(alarm which, instant now) {
    switch (which) {
    case alarm::login:
        ++context_.statistics.timeout_err;
        return fail_login(
            {login_verdict::retry, 0, 0, session_fault(session_errc::login_timeout, "login")}, now
        );
    case alarm::logout:
        return end_connection(session_fault(session_errc::logout_timeout, "Logout"), now);
    case alarm::pause:
        return happen(happening::pause_over, now);
    case alarm::replacement:
        return give_up();
    case alarm::drain:
        return happen(happening::move_asked, now);
    }
}

void session_engine::check_keepalive(instant now) {
    switch (keepalive_.judge(now)) {
    case keepalive::verdict::fine:
        return;
    case keepalive::verdict::ask:
        return send_ping(leading());
    case keepalive::verdict::dead:
        ++context_.statistics.timeout_err;
        return end_connection(session_fault(session_errc::noop_timeout, "NOP-Out"), now);
    }
}

void session_engine::check_task_management(instant now) {
    const auto at = management_.deadline();
    if (!at || *at > now)
        return;
    if (auto widened = management_.on_deadline(leading(), now); widened.has_error())
        end_connection(widened.error(), now);
}

void session_engine::check_commands(instant now) {
    if (life_ != life::logged_in)
        return;
    for (auto* over : tasks_.timer().check(now)) {
        ++context_.statistics.timeout_err;
        over->timed_out = true;
        management_.abort(over->id, &leading(), now);
    }
}

// ---- shown ------------------------------------------------------------------------------------

connection_state session_engine::connection_shown() const {
    switch (life_) {
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
    if (life_ == life::logged_in || life_ == life::moving || life_ == life::leaving)
        return session_state::logged_in;
    return has_been_in_ && !ends(life_) ? session_state::failed : session_state::free;
}

} // namespace iscsi
