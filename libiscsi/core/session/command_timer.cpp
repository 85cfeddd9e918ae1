#include "libiscsi/core/session/command_timer.hpp"

#include <algorithm>

namespace iscsi {

void command_timer::left(task& what, instant now) {
    if (what.progress)
        return what.of->moved(what, now);
    what.of->left(what, now);
    if (what.what.timeout > duration::zero())
        look_at(now + what.what.timeout);
}

std::span<task* const> command_timer::check(instant now) {
    over_.clear();
    wants_probe_ = false;
    next_check_.reset();
    for (auto& each : units_)
        check(each, now);
    return over_;
}

void command_timer::check(unit& which, instant now) {
    due_.clear();
    if (const auto next = which.check(now, due_))
        look_at(*next);
    for (auto* each : due_) {
        if (is_over(*each, now)) {
            over_.push_back(each);
            continue;
        }
        wants_probe_ = true;
        look_at(each->deadline + each->what.timeout);
    }
}

bool command_timer::is_over(const task& what, instant now) const {
    return !sends_nops(limits_) || probe_.proves(what.deadline) ||
           now >= what.deadline + what.what.timeout;
}

void command_timer::look_at(instant at) {
    next_check_ = earlier(next_check_, at);
}

void command_timer::forget() {
    probe_.forget();
    wants_probe_ = false;
    next_check_.reset();
}

} // namespace iscsi
