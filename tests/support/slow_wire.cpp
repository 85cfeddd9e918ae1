#include "tests/support/slow_wire.hpp"

#include <algorithm>

namespace iscsi::test {
namespace {

std::vector<std::byte> take_front(std::deque<std::byte>& from, std::size_t most) {
    const auto end = from.begin() + static_cast<std::ptrdiff_t>(std::min(from.size(), most));
    std::vector<std::byte> front(from.begin(), end);
    from.erase(from.begin(), end);
    return front;
}

} // namespace

void slow_wire::step(duration tick) {
    const auto bytes = options_.bytes_per_second * static_cast<std::uint64_t>(tick.count()) / 1000;
    fill_socket();
    world_.pass(tick);
    serve_events();
    fill_socket();
    carry(bytes);
    deliver(bytes);
    serve_events();
}

bool slow_wire::run_until(const std::function<bool()>& done, duration patience, duration tick) {
    for (const auto limit = world_.now() + patience; world_.now() < limit; step(tick))
        if (done())
            return true;
    return done();
}

bool slow_wire::log_in() {
    using namespace std::chrono_literals;
    world_.engine().start(world_.now());
    world_.drain();
    const auto is_in = [this] { return world_.take_event<logged_in>().has_value(); };
    return run_until(is_in, 1min, 10ms);
}

void slow_wire::cut() {
    if (!link_)
        return;
    link_.reset();
    to_target_.clear();
    to_session_.clear();
    world_.lose_transport();
}

void slow_wire::serve_events() {
    if (world_.take_event<want_close>())
        cut();
    if (!world_.take_event<want_transport>())
        return;
    if (accepts_connection()) {
        link_ = std::make_unique<target_link>(target_);
        ++connections_;
        if (on_connect)
            on_connect(*link_);
        world_.engine().transport_up(world_.now());
    } else {
        world_.engine().connect_failed(
            {to_error_code(session_errc::target_closed), "connect", "refused", {}}, world_.now()
        );
    }
    world_.drain();
}

void slow_wire::fill_socket() {
    while (link_ && to_target_.size() < options_.socket_buffer && world_.begin_send()) {
        const auto sent = world_.end_send(options_.socket_buffer - to_target_.size());
        to_target_.insert(to_target_.end(), sent.begin(), sent.end());
    }
}

void slow_wire::carry(std::size_t bytes) {
    if (!link_)
        return;
    const auto arrived = take_front(to_target_, bytes);
    if (!arrived.empty())
        link_->received(arrived);
    const auto said = link_->take_output();
    to_session_.insert(to_session_.end(), said.begin(), said.end());
}

void slow_wire::deliver(std::size_t bytes) {
    if (!link_)
        return;
    const bool is_over = link_->is_over() && to_session_.size() <= bytes;
    const auto arrived = take_front(to_session_, bytes);
    if (!arrived.empty() && world_.deliver(arrived).has_error())
        return cut();
    if (is_over)
        cut();
}

} // namespace iscsi::test
