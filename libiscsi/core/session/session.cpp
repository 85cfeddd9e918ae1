#include "libiscsi/core/session/session.hpp"

#include "libiscsi/core/session/engine.hpp"
#include "libiscsi/core/session/faults.hpp"

namespace iscsi {

struct session::implementation : session_engine {
    using session_engine::session_engine;
};

session::session(session_config config)
    : self_(std::make_unique<implementation>(std::move(config))) {}

session::~session() = default;
session::session(session&&) noexcept = default;
session& session::operator=(session&&) noexcept = default;

void session::start(instant now) {
    self_->start(now);
}

void session::resume(std::span<const lun_field> units, instant now) {
    self_->resume(units, now);
}

void session::transport_up(instant now) {
    self_->transport_up(now);
}

void session::connect_failed(const fault& why, instant now) {
    self_->connect_failed(why, now);
}

result<void> session::received(std::size_t n, instant now) {
    return self_->received(n, now);
}

void session::sent(std::size_t n, instant now) {
    self_->sent(n, now);
}

void session::transport_lost(const fault& why, instant now) {
    self_->transport_lost(why, now);
}

void session::handle_deadline(instant now) {
    self_->handle_deadline(now);
}

result<task_id> session::submit(const command& what, instant now) {
    return self_->submit(what, now);
}

void session::abort(task_id task, instant now) {
    self_->phase().management().abort(task, self_->in_full_feature(), now);
}

void session::reset_lun(const lun_field& lun, instant now, task_end when) {
    if (when == task_end::at_once)
        return self_->give_up_unit(lun, now);
    self_->phase().management().reset(lun, self_->in_full_feature(), now);
}

void session::hold(const lun_field& lun) {
    self_->phase().tasks().units().of(lun).apply(unit_event::hold);
}

void session::let_go(const lun_field& lun) {
    self_->phase().tasks().units().of(lun).apply(unit_event::let_go);
}

void session::trust_reinstatement(const lun_field& lun) {
    self_->phase().tasks().units().of(lun).is_trusted = true;
}

void session::reset_first(const lun_field& lun, instant now) {
    self_->reset_first(lun, now);
}

result<void> session::send_targets(std::string_view value, instant /*now*/) {
    auto* over = self_->in_full_feature();
    if (over == nullptr || !self_->phase().text().send_targets(*over, value))
        return session_fault(session_errc::not_usable, "SendTargets");
    return {};
}

result<std::size_t> session::give_up(instant now) {
    return self_->give_up(now);
}

void session::change(const session_settings& settings, instant now) {
    self_->change(settings, now);
}

void session::logout(instant now) {
    self_->logout(now);
}

void session::provide_entropy(bytes_view bytes, instant now) {
    self_->provide_entropy(bytes, now);
}

std::span<const mutable_bytes> session::read_plan() {
    return self_->read_plan();
}

std::span<const bytes_view> session::write_plan() {
    return self_->write_plan();
}

std::optional<event> session::poll_event() {
    return self_->poll_event();
}

std::optional<instant> session::next_deadline() const {
    return self_->next_deadline();
}

connection_state session::connection() const {
    return self_->connection_shown();
}

session_state session::state() const {
    return self_->state_shown();
}

const session_config& session::config() const {
    return self_->context().config;
}

const operational_parameters& session::parameters() const {
    return self_->context().parameters;
}

const session_statistics& session::statistics() const {
    return self_->context().statistics;
}

std::size_t session::free_slots() const {
    return self_->phase().tasks().free_slots();
}

std::size_t session::free_slots(const lun_field& lun) {
    return self_->phase().tasks().free_slots(lun);
}

std::size_t session::unfinished_tasks() const {
    return self_->phase().tasks().unfinished();
}

} // namespace iscsi
