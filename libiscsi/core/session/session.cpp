#include "libiscsi/core/session/session.hpp"

namespace iscsi {

struct session::implementation {
    session_config config;
    operational_parameters parameters;
    std::string alias;
    session_statistics statistics;
};

session::session(session_config config)
    : self_(std::make_unique<implementation>(implementation{std::move(config), {}, {}, {}})) {}

session::~session() = default;
session::session(session&&) noexcept = default;
session& session::operator=(session&&) noexcept = default;

void session::start(instant /*now*/) {}

void session::transport_up(instant /*now*/) {}

void session::connect_failed(const fault& /*why*/, instant /*now*/) {}

result<void> session::received(std::size_t /*n*/, instant /*now*/) {
    return {};
}

void session::sent(std::size_t /*n*/, instant /*now*/) {}

void session::transport_lost(const fault& /*why*/, instant /*now*/) {}

void session::handle_deadline(instant /*now*/) {}

result<task_id> session::submit(const command& /*what*/, instant /*now*/) {
    return fault{to_error_code(session_errc::not_usable), {}, {}, {}};
}

void session::abort(task_id /*task*/, instant /*now*/) {}

void session::reset_lun(const lun_field& /*lun*/, instant /*now*/) {}

result<void> session::send_targets(std::string_view /*value*/, instant /*now*/) {
    return fault{to_error_code(session_errc::not_usable), {}, {}, {}};
}

void session::logout(instant /*now*/) {}

void session::provide_entropy(bytes_view /*bytes*/, instant /*now*/) {}

std::span<const mutable_bytes> session::read_plan() {
    return {};
}

std::span<const bytes_view> session::write_plan() {
    return {};
}

std::optional<event> session::poll_event() {
    return std::nullopt;
}

std::optional<instant> session::next_deadline() const {
    return std::nullopt;
}

connection_state session::connection() const {
    return connection_state::free;
}

session_state session::state() const {
    return session_state::free;
}

const session_config& session::config() const {
    return self_->config;
}

const operational_parameters& session::parameters() const {
    return self_->parameters;
}

const std::string& session::target_alias() const {
    return self_->alias;
}

std::optional<std::uint16_t> session::target_portal_group_tag() const {
    return std::nullopt;
}

const session_statistics& session::statistics() const {
    return self_->statistics;
}

std::size_t session::free_slots() const {
    return 0;
}

std::size_t session::unfinished_tasks() const {
    return 0;
}

} // namespace iscsi
