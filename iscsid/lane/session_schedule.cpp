#include "iscsid/lane/session_schedule.hpp"

namespace iscsid::lane {

void scheduled_session::has_work() {
    if (!in_work_.is_linked())
        schedule_.work_.push_back(*this);
}

void scheduled_session::set_deadline(std::optional<iscsi::instant> when) {
    if (deadline_ == when)
        return;
    in_deadlines_.unlink();
    deadline_ = when;
    if (when)
        schedule_.deadlines_.insert(*this);
}

std::optional<iscsi::instant> session_schedule::next_deadline() const {
    if (!work_.empty())
        return iscsi::instant{}; // long ago
    return deadlines_.empty() ? std::nullopt : deadlines_.begin()->deadline_;
}

// A session stays in its list while it runs, so what it brings about itself does not run it again.
void session_schedule::turn(iscsi::instant now) {
    for (auto due = deadlines_.begin(); due != deadlines_.end() && *due->deadline_ <= now; ++due)
        due->has_work();
    work_list now_running;
    now_running.swap(work_);
    while (!now_running.empty()) {
        scheduled_session& first = now_running.front();
        first.run(now);
        first.in_work_.unlink();
    }
}

} // namespace iscsid::lane
