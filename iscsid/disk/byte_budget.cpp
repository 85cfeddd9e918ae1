#include "iscsid/disk/byte_budget.hpp"

#include <algorithm>

namespace iscsid::disk {

bool byte_budget::has_room(std::size_t bytes, std::size_t held) const {
    const std::size_t left_free = held == 0 ? 0 : held + bytes;
    return taken_ == 0 || taken_ + bytes + left_free <= bytes_;
}

bool byte_budget::is_small(const byte_share& of) const {
    return of.taken_ < always_;
}

// First come, first served: a large request would else wait for ever behind many small ones. Whose
// turn it is takes one thing, then it is another's.
bool byte_budget::take(std::size_t bytes, std::size_t held, const waiter& by) {
    const bool is_next = next_ == by.who;
    const bool has_turn = is_next || waiting_.empty();
    if (is_small(*by.of) || (has_turn && has_room(bytes, held))) {
        taken_ += bytes;
        forget(*by.who);
        next_ = nullptr;
        return true;
    }
    if (held > 0)
        return false;
    const auto is_there =
        std::ranges::any_of(waiting_, [&](const waiter& each) { return each.who == by.who; });
    if (is_next)
        waiting_.push_front(by);
    else if (!is_there)
        waiting_.push_back(by);
    return false;
}

std::list<byte_budget::waiter>::iterator byte_budget::next_to_tell() {
    const auto small =
        std::ranges::find_if(waiting_, [this](const waiter& each) { return is_small(*each.of); });
    return small == waiting_.end() ? waiting_.begin() : small;
}

// What those do who are told may give back more: that is seen in the same row.
void byte_budget::give_back(std::size_t bytes) {
    taken_ -= bytes;
    if (std::exchange(tells_, true))
        return;
    while (!waiting_.empty()) {
        const auto place = next_to_tell();
        auto* const told = place->who;
        waiting_.erase(place);
        next_ = told;
        told->room_again();
        next_ = nullptr;
        if (!waiting_.empty() && waiting_.front().who == told)
            break; // not enough for it
    }
    tells_ = false;
}

void byte_budget::forget(const client& who) {
    std::erase_if(waiting_, [&](const waiter& each) { return each.who == &who; });
}

bool byte_share::take(std::size_t bytes, std::size_t held, byte_budget::client& who) {
    if (!all_->take(bytes, held, {&who, this}))
        return false;
    taken_ += bytes;
    return true;
}

void byte_share::take_anyway(std::size_t bytes) {
    taken_ += bytes;
    all_->taken_ += bytes;
}

void byte_share::give_back(std::size_t bytes) {
    taken_ -= bytes;
    all_->give_back(bytes);
}

} // namespace iscsid::disk
