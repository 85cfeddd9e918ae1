#include "libiscsi/core/session/unit_scheduler.hpp"

#include <algorithm>
#include <utility>

namespace iscsi {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t bytes_of_a_turn = std::int64_t{64} * 1024;
constexpr std::int64_t least_cost =
    std::int64_t{16} * 1024; // a place in the window is worth something, too
constexpr std::int64_t most_cost = std::int64_t{1024} * 1024;

// So much of a unit goes without a place in the flow: it costs the others nothing to speak of.
constexpr std::uint64_t small = std::uint64_t{64} * 1024;

// A unit that has sent something in this time works; one that has answered something is known to.
constexpr auto working_for = 1s;

// The parts of the window that are kept for units without a place, and that a unit gets before it
// has answered something.
constexpr std::uint32_t kept_part = 8;
constexpr std::uint32_t untried_part = 4;

std::int64_t cost_of(const task& what) {
    return std::clamp<std::int64_t>(what.expected_length(), least_cost, most_cost);
}

std::uint64_t& outstanding(unit& of, const task& what) {
    return what.is_read() ? of.reading : of.writing;
}

} // namespace

task* unit_scheduler::next(std::uint32_t room, instant now) {
    if (ring_.empty())
        return nullptr;
    look_for_room(now);
    const unit* first_blocked = nullptr;
    while (!ring_.empty() && &ring_.front() != first_blocked) {
        auto& turn = ring_.front();
        if (!turn.has_waiting()) {
            turn.credit = 0;
            turn.unlink();
            continue;
        }
        auto* const found = turn.next();
        const bool may = found != nullptr && may_go(turn, *found, now) &&
                         may_take_place(turn, *found, room, now);
        if (may && turn.credit >= cost_of(*found)) {
            turn.credit -= cost_of(*found);
            return found;
        }
        turn.credit += may ? bytes_of_a_turn : 0;
        if (may)
            first_blocked = nullptr;
        else if (first_blocked == nullptr)
            first_blocked = &turn;
        ring_.splice(ring_.end(), ring_, ring_.begin());
    }
    return nullptr;
}

bool unit_scheduler::stands_still(const unit& which, instant now) {
    if (now - which.last_active <= working_for)
        return false;
    if (!sends_nops(limits_) || probe_.proves(which.last_active))
        return true;
    wants_probe_ = true;
    return false;
}

void unit_scheduler::look_for_room(instant now) {
    wants_probe_ = false;
    in_has_room_ = in_.has_room();
    out_has_room_ = out_.has_room();
    if (in_has_room_ && out_has_room_)
        return;
    std::uint64_t reading = 0;
    std::uint64_t writing = 0;
    for (const auto& each : units_) {
        if (each.reading + each.writing == 0 || stands_still(each, now))
            continue;
        reading += each.reading;
        writing += each.writing;
    }
    in_has_room_ = reading < in_.limit();
    out_has_room_ = writing < out_.limit();
}

bool unit_scheduler::may_go(const unit& from, const task& what, instant now) const {
    const auto length = what.expected_length();
    if (length == 0 || what.what.goes_ahead)
        return true;
    const auto& flow = what.is_read() ? in_ : out_;
    const auto own = what.is_read() ? from.reading : from.writing;
    const bool has_room = what.is_read() ? in_has_room_ : out_has_room_;
    if (!has_room && own + length > small)
        return false;
    return own < share(flow) || !working_.has_other(from, now - working_for);
}

bool unit_scheduler::may_take_place(
    const unit& from, const task& what, std::uint32_t room, instant now
) const {
    if (what.what.goes_ahead || from.places == 0 || units_.size() <= 1)
        return true;
    const auto window = places_ + room;
    if (room <= window / kept_part)
        return false;
    return now - from.last_answered() <= working_for ||
           from.places < std::max(std::uint32_t{1}, window / untried_part);
}

// Twice what the link carries while the quickest answer comes: it is busy all the time, and nobody
// waits longer than twice as long as he would alone.
std::uint64_t unit_scheduler::share(const flow_limit& of) const {
    if (quickest_answer_ == std::chrono::nanoseconds::max())
        return flow_limit::least;
    return std::max(flow_limit::least, of.moved_in(2 * quickest_answer_));
}

void unit_scheduler::sent(task& what, instant now) {
    working_.note(*what.of, now);
    what.of->last_active = now;
    what.has_place = true;
    ++what.of->places;
    ++places_;
    what.to_move = what.expected_length();
    outstanding(*what.of, what) += what.to_move;
    flow_of(what).begin(what.to_move, now);
}

void unit_scheduler::moved(task& what, std::uint64_t bytes, instant now) {
    const auto counted = static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, what.to_move));
    what.to_move -= counted;
    outstanding(*what.of, what) -= counted;
    flow_of(what).moved(counted, now);
}

void unit_scheduler::answered(const task& what, instant now) {
    if (what.progress)
        quickest_answer_ = std::min(quickest_answer_, now - what.left_at);
}

void unit_scheduler::over(task& what) {
    outstanding(*what.of, what) -= what.to_move;
    flow_of(what).drop(what.to_move);
    what.to_move = 0;
    if (!std::exchange(what.has_place, false))
        return;
    --what.of->places;
    --places_;
}

void unit_scheduler::connection_lost() {
    in_ = {};
    out_ = {};
    quickest_answer_ = std::chrono::nanoseconds::max();
}

} // namespace iscsi
