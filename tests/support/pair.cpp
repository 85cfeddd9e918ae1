#include "tests/support/pair.hpp"

#include <algorithm>
#include <utility>

namespace iscsi::test {
namespace {

std::vector<std::byte> take_front(std::vector<std::byte>& from, std::size_t most) {
    const auto length = static_cast<std::ptrdiff_t>(std::min(from.size(), most));
    std::vector<std::byte> front(from.begin(), from.begin() + length);
    from.erase(from.begin(), from.begin() + length);
    return front;
}

} // namespace

bool pair::run_until(const std::function<bool()>& done, duration patience) {
    const auto limit = world_.now() + patience;
    while (!done()) {
        if (!step(limit))
            return false;
    }
    return true;
}

bool pair::step(instant limit) {
    return move_something() || world_.pass_to_next_deadline(limit);
}

bool pair::log_in() {
    world_.engine().start(world_.now());
    world_.drain();
    return run_until([this] { return world_.take_event<logged_in>().has_value(); });
}

void pair::cut() {
    if (!link_)
        return;
    link_.reset();
    to_target_.clear();
    to_session_.clear();
    world_.lose_transport();
}

bool pair::move_something() {
    if (serve_events())
        return true;
    return answers_first() ? move_to_session() || move_to_target()
                           : move_to_target() || move_to_session();
}

bool pair::serve_events() {
    if (world_.take_event<want_transport>()) {
        if (accepts_connection()) {
            link_ = std::make_unique<target_link>(target_);
            world_.engine().transport_up(world_.now());
        } else {
            world_.engine().connect_failed(
                {to_error_code(session_errc::target_closed), "connect", "refused", {}}, world_.now()
            );
        }
        world_.drain();
        return true;
    }
    if (world_.take_event<want_close>()) {
        cut();
        return true;
    }
    return false;
}

// A send takes two moves, so that others come in between.
bool pair::move_to_target() {
    if (!link_)
        return false;
    if (!world_.is_sending() && world_.begin_send())
        return true;
    if (world_.is_sending()) {
        const auto sent = world_.end_send(piece());
        to_target_.insert(to_target_.end(), sent.begin(), sent.end());
    }
    if (to_target_.empty())
        return false;
    link_->received(take_front(to_target_, piece()));
    return true;
}

// A receive is always waiting, as a socket's is.
bool pair::move_to_session() {
    if (!link_)
        return false;
    if (!world_.is_receiving() && !world_.begin_receive()) // over, or it wants to close
        return false;
    auto said = link_->take_output();
    if (spoil && world_.engine().connection() == connection_state::logged_in)
        spoil(said);
    to_session_.insert(to_session_.end(), said.begin(), said.end());
    if (to_session_.empty()) {
        if (!link_->is_over())
            return false;
        cut();
        return true;
    }
    const auto front = take_front(to_session_, piece());
    const auto taken = world_.end_receive(front);
    if (taken.has_error())
        cut();
    else
        to_session_.insert(
            to_session_.begin(), front.begin() + static_cast<std::ptrdiff_t>(*taken), front.end()
        );
    return true;
}

} // namespace iscsi::test
