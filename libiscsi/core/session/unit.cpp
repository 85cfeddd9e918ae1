#include "libiscsi/core/session/unit.hpp"

#include <algorithm>
#include <utility>

namespace iscsi {

namespace {

// For an answer that comes after all: an abort of what runs costs a repetition.
constexpr duration patience_with_cleared = std::chrono::seconds(5);

} // namespace

void unit::apply(unit_event what) {
    state_ = advance(state_, what);
    if (what == unit_event::reset_over && replays_ == 0)
        state_ = advance(state_, unit_event::replays_over);
}

// ---- tasks that wait --------------------------------------------------------------------------

void unit::wait(task& what) {
    (what.what.goes_ahead ? questions_ : ready_).push_back(what);
}

void unit::wait_again(task& what) {
    (what.what.goes_ahead ? questions_ : ready_).push_front(what);
}

void unit::count_replay(const task& what) {
    if (keeps_others_waiting(what))
        ++replays_;
}

task* unit::next() {
    if (!questions_.empty() && lets_questions_go(state_))
        return &questions_.front();
    if (ready_.empty())
        return nullptr;
    auto& first = ready_.front();
    return (first.reissued ? lets_replays_go(state_) : lets_all_go(state_)) ? &first : nullptr;
}

// ---- tasks that the target has ----------------------------------------------------------------

void unit::left(task& what, instant now) {
    what.progress = what.left_at = now;
}

void unit::moved(task& what, instant now) {
    last_active = now;
    if (what.progress)
        what.progress = now;
}

void unit::forget(task& what) {
    what.in_sent.unlink();
    what.progress.reset();
    if (keeps_others_waiting(what))
        --replays_;
}

void unit::begin_replays() {
    apply(replays_ > 0 ? unit_event::replays_begun : unit_event::replays_over);
}

// What it has waited for is the progress of the one that waited behind it, and so is its answer.
void unit::ended(task& what, bool is_answered, instant now) {
    if (!what.in_sent.is_linked())
        return;
    if (is_answered)
        last_answered_ = last_active = now;
    const auto next = std::next(sent_list::s_iterator_to(what));
    if (next != sent_.end() && next->progress && what.progress)
        next->progress = std::max(*next->progress, is_answered ? now : *what.progress);
    what.in_sent.unlink();
    what.progress.reset();
}

void unit::commands_were_cleared(const task& told_by, instant now) {
    for (auto& each : sent_) {
        if (&each == &told_by)
            break;
        if (each.what.goes_ahead)
            continue; // a question has the patience of who asks
        if (!std::exchange(each.may_be_cleared, true) && each.progress)
            each.progress = now;
    }
}

void unit::over(const task& what) {
    if (keeps_others_waiting(what) && --replays_ == 0)
        apply(unit_event::replays_over);
}

// ---- time -------------------------------------------------------------------------------------

instant unit::deadline_of(const task& what, instant progress) const {
    const auto timeout = what.may_be_cleared ? std::min(what.what.timeout, patience_with_cleared)
                                             : what.what.timeout;
    const auto overtaken =
        std::min(last_answered_ + timeout, progress + overtaken_at_most * timeout);
    return std::max(progress + timeout, overtaken);
}

std::optional<instant> unit::check(instant now, std::vector<task*>& due) {
    std::optional<instant> next;
    instant progress{};
    for (auto& each : sent_) {
        if (!each.progress)
            break; // it has not left, nor has any behind it
        progress = std::max(progress, *each.progress);
        if (each.what.timeout == duration::zero() || each.abort_wanted)
            continue;
        each.deadline = deadline_of(each, progress);
        if (each.deadline <= now)
            due.push_back(&each);
        else
            next = earlier(next, each.deadline);
    }
    return next;
}

bool may_change_medium(const command& what) {
    switch (std::to_integer<unsigned>(what.cdb[0])) {
    case 0x00: // TEST UNIT READY
    case 0x35: // SYNCHRONIZE CACHE (10)
    case 0x91: // SYNCHRONIZE CACHE (16)
        return false;
    default:
        return what.data_in.empty();
    }
}

} // namespace iscsi
