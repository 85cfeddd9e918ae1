#include "libiscsi/core/session/event_queue.hpp"

#include <algorithm>
#include <utility>

namespace iscsi {

void event_queue::push_message(const async_message& message, bytes_view data) {
    waiting_.push_back({target_message{message, {}}, {data.begin(), data.end()}});
}

std::optional<event> event_queue::pop() {
    if (first_ == waiting_.size())
        return std::nullopt;
    auto oldest = std::move(waiting_[first_++]);
    if (first_ == waiting_.size()) {
        waiting_.clear();
        first_ = 0;
    }
    if (auto* message = std::get_if<target_message>(&oldest.what)) {
        shown_ = std::move(oldest.data);
        message->data = shown_;
    }
    return std::move(oldest.what);
}

void event_queue::forget_want_close() {
    const auto first = waiting_.begin() + static_cast<std::ptrdiff_t>(first_);
    waiting_.erase(
        std::remove_if(
            first,
            waiting_.end(),
            [](const entry& e) { return std::holds_alternative<want_close>(e.what); }
        ),
        waiting_.end()
    );
}

} // namespace iscsi
