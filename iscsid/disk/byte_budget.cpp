#include "iscsid/disk/byte_budget.hpp"

#include <algorithm>
#include <utility>

namespace iscsid::disk {

// First come, first served: a large request would else wait for ever behind many small ones. Whose
// turn it is takes one thing, then it is another's.
bool byte_budget::take(std::size_t bytes, client& who) {
    const bool is_next = next_ == &who;
    if ((is_next || waiting_.empty()) && has_room(bytes)) {
        taken_ += bytes;
        next_ = nullptr;
        return true;
    }
    if (is_next)
        waiting_.push_front(&who);
    else if (std::ranges::find(waiting_, &who) == waiting_.end())
        waiting_.push_back(&who);
    return false;
}

// What those do who are told may give back more: that is seen in the same row.
void byte_budget::give_back(std::size_t bytes) {
    taken_ -= bytes;
    if (std::exchange(tells_, true))
        return;
    while (!waiting_.empty()) {
        auto* const told = waiting_.front();
        waiting_.pop_front();
        next_ = told;
        told->room_again();
        next_ = nullptr;
        if (!waiting_.empty() && waiting_.front() == told)
            break; // not enough for it
    }
    tells_ = false;
}

void byte_budget::forget(const client& who) {
    std::erase(waiting_, &who);
}

} // namespace iscsid::disk
