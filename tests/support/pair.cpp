#include "tests/support/pair.hpp"

#include <algorithm>
#include <utility>

namespace iscsi::test {

bool pair::run_until(const std::function<bool()>& done, duration patience) {
    const auto limit = world_.now() + patience;
    while (!done()) {
        if (!step(limit))
            return false;
    }
    return true;
}

bool pair::step(instant limit) {
    return move_something() || pass_time(limit);
}

void pair::run_for(duration time) {
    const auto limit = world_.now() + time;
    while (step(limit)) {
    }
    world_.pass_to(limit);
}

void pair::set_rate(std::uint64_t bytes_per_second, std::size_t socket) {
    to_target_.set_rate(bytes_per_second, socket);
    to_session_.set_rate(bytes_per_second);
}

// To whatever comes first: bytes that arrive, an answer that is due, a deadline of the session.
bool pair::pass_time(instant limit) {
    const auto next = next_on_wire();
    const auto deadline = world_.engine().next_deadline();
    if (!next || *next > limit || (deadline && *deadline < *next))
        return world_.pass_to_next_deadline(limit);
    world_.pass_to(*next);
    answer_what_is_due();
    return true;
}

std::optional<instant> pair::next_on_wire() const {
    auto first = to_target_.next_arrival();
    const auto consider = [&first](std::optional<instant> other) {
        if (other && (!first || *other < *first))
            first = other;
    };
    consider(to_session_.next_arrival());
    if (!due_.empty())
        consider(due_.begin()->first);
    return first;
}

void pair::answer_what_is_due() {
    while (!due_.empty() && due_.begin()->first <= world_.now()) {
        const auto number = due_.begin()->second;
        due_.erase(due_.begin());
        link_->answer(number);
    }
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
    to_target_.cut();
    to_session_.cut();
    due_.clear();
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
        connect();
        world_.drain();
        return true;
    }
    if (const auto wish = world_.take_event<want_entropy>()) {
        world_.engine().provide_entropy(pattern(wish->bytes, ++challenges_), world_.now());
        world_.drain();
        return true;
    }
    if (world_.take_event<want_close>()) {
        cut();
        return true;
    }
    return false;
}

void pair::connect() {
    if (!accepts_connection())
        return world_.engine().connect_failed(
            {to_error_code(session_errc::target_closed), "connect", "refused", {}}, world_.now()
        );
    link_ = std::make_unique<target_link>(target_);
    link_->postpone_answers([this](instant when, std::uint64_t number) {
        due_.emplace(when, number);
    });
    ++connections_;
    on_connect(*link_);
    world_.engine().transport_up(world_.now());
}

// A send takes two moves, so that others come in between.
bool pair::move_to_target() {
    if (!link_)
        return false;
    if (!world_.is_sending() && to_target_.room() > 0 && world_.begin_send())
        return true;
    const bool sends = world_.is_sending();
    if (sends)
        to_target_.put(world_.end_send(std::min(piece(), to_target_.room())));
    const auto arrived = to_target_.take(world_.now(), piece());
    if (arrived.empty())
        return sends;
    link_->received(arrived);
    return true;
}

void pair::take_output() {
    auto said = link_->take_output();
    if (spoil && world_.engine().connection() == connection_state::logged_in)
        spoil(said);
    to_session_.put(said);
}

// A receive is always waiting, as a socket's is.
bool pair::move_to_session() {
    if (!link_)
        return false;
    if (!world_.is_receiving() && !world_.begin_receive()) // over, or it wants to close
        return false;
    if (to_session_.room() > 0)
        take_output();
    const auto front = to_session_.take(world_.now(), piece());
    if (front.empty()) {
        if (!link_->is_over() || !to_session_.is_empty())
            return false;
        cut();
        return true;
    }
    const auto taken = world_.end_receive(front);
    if (taken.has_error())
        cut();
    else
        to_session_.put_back(bytes_view(front).subspan(*taken), world_.now());
    return true;
}

} // namespace iscsi::test
