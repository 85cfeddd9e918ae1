#pragma once

#include "iscsid/lane/request.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace iscsid::lane {

// Of a disk whose requests go through several sessions: whether one of them has failed a write
// whose end nobody knows. The target may still let it run, and it would overwrite what another
// session writes in its place now. The session that sent it raises its replay barrier when it is
// back; until then the others must not write. Any thread.
class write_fence {
  public:
    void raise() { count_.fetch_add(1, std::memory_order_release); }

    void lower() { count_.fetch_sub(1, std::memory_order_release); }

    // By how many sessions.
    unsigned raised() const { return count_.load(std::memory_order_acquire); }

  private:
    std::atomic<unsigned> count_{0};
};

constexpr bool changes_blocks(operation what) {
    return what == operation::write || what == operation::write_zeroes ||
           what == operation::discard;
}

// What one session knows of that: its lane's thread only.
class fence_post {
  public:
    // nullptr: the only session of the disk.
    explicit fence_post(std::shared_ptr<write_fence> of) : fence_(std::move(of)) {}

    ~fence_post() { lower(); }

    fence_post(const fence_post&) = delete;
    fence_post& operator=(const fence_post&) = delete;
    fence_post(fence_post&&) = delete;
    fence_post& operator=(fence_post&&) = delete;

    // A request of this session failed, and the target may still be at it. Before its owner hears.
    void lost(operation what) {
        if (!fence_ || !changes_blocks(what))
            return;
        ++age_;
        if (!is_raised_)
            fence_->raise();
        is_raised_ = true;
    }

    bool is_raised() const { return is_raised_; }

    // Of a command that is given to the session now, for answered().
    std::uint32_t age() const { return age_; }

    // The target has answered such a command: one that was given to the session after the last loss
    // has waited for the replay barrier, and nothing of before runs any more.
    void answered(std::uint32_t age) {
        if (is_raised_ && age == age_)
            lower();
    }

    // Another session of the disk has lost a write, and this request may be one in its place.
    bool bars(operation what) const {
        return fence_ && changes_blocks(what) && fence_->raised() > (is_raised_ ? 1U : 0U);
    }

  private:
    void lower() {
        if (is_raised_)
            fence_->lower();
        is_raised_ = false;
    }

    std::shared_ptr<write_fence> fence_;
    std::uint32_t age_ = 0;
    bool is_raised_ = false;
};

} // namespace iscsid::lane
