#pragma once

#include "libiscsi/core/session/event.hpp"

#include <optional>
#include <vector>

namespace iscsi {

// Events that have not been polled yet. Drained after each input, it never allocates.
// In the order in which things happened; the owner takes one at a time with pop().
class event_queue {
  public:
    explicit event_queue(std::size_t usual) { waiting_.reserve(usual); }

    void push(event what) { waiting_.push_back({std::move(what), {}}); }

    // The data is kept, and shown until the next message is polled.
    void push_message(const async_message& message, bytes_view data);

    std::optional<event> pop();

    // The transport has closed by itself: asking for it again would hit the next one.
    void forget_want_close();

  private:
    struct entry {
        event what;
        std::vector<std::byte> data;
    };

    std::vector<entry> waiting_;
    std::size_t first_ = 0;
    std::vector<std::byte> shown_;
};

} // namespace iscsi
