#pragma once

#include "iscsid/lane/write_fence.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace iscsid::disk {

// Part of a flush, at one of the queues of a disk. Called on that queue's thread, answered there.
class flush_part {
  public:
    virtual ~flush_part() = default;

    // Flushes what this queue's session has written. `ended` hears of the errno, exactly once.
    virtual void flush_own(std::function<void(int)> ended) = 0;
};

// How a queue of a disk with several, on threads of their own, has the others flush: a flush must
// cover every write that was answered before it, on whatever queue, and only the session that sent
// a write hears of it when the target has lost it since (a deferred error, SPC-4 §4.5.5).
class flush_relay {
  public:
    struct member {
        std::weak_ptr<flush_part> queue;
        std::function<void(std::function<void()>)> post; // runs it on the thread of the queue
    };

    explicit flush_relay(
        std::shared_ptr<lane::write_fence> fence = std::make_shared<lane::write_fence>()
    )
        : fence_(std::move(fence)) {}

    // All of them, before the first queue is served.
    void use(std::vector<member> all) { all_ = std::move(all); }

    // All queues but `own` flush; each end is told on the thread of `own`. Returns how many ends
    // there will be.
    unsigned flush_others(std::size_t own, const std::function<void(int)>& ended) const;

    const std::shared_ptr<lane::write_fence>& fence() const { return fence_; }

  private:
    std::vector<member> all_;
    const std::shared_ptr<lane::write_fence> fence_;
};

} // namespace iscsid::disk
