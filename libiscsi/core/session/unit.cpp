#include "libiscsi/core/session/unit.hpp"

#include <algorithm>

namespace iscsi {

void unit::left(task& what, instant now) {
    what.progress = now;
}

void unit::moved(task& what, instant now) {
    last_moved_ = now;
    if (what.progress)
        what.progress = now;
}

void unit::forget(task& what) {
    what.in_sent.unlink();
    what.progress.reset();
}

// Its end is the progress of the one that waited behind it.
void unit::answered(task& what, instant now) {
    if (!what.in_sent.is_linked())
        return;
    last_moved_ = now;
    const auto next = std::next(sent_list::s_iterator_to(what));
    if (next != sent_.end() && next->progress)
        next->progress = now;
    forget(what);
}

instant unit::deadline_of(const task& what, instant progress) const {
    const auto timeout = what.what.timeout;
    const auto overtaken = std::min(last_moved_ + timeout, progress + overtaken_at_most * timeout);
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
            next = next ? std::min(*next, each.deadline) : each.deadline;
    }
    return next;
}

} // namespace iscsi
