#pragma once

#include "iscsid/session/disk_ledgers.hpp"

#include <cstdint>
#include <memory>
#include <mutex>

namespace iscsid::session {

// How far a removal of disks has come, for whoever waits for it on another thread. An answer of the
// target is no progress: one that says BUSY for ever moves nothing.
class removal_progress {
  public:
    // ---- the worker ----

    // The next disk, whose writes and flushes are entered there; empty: nobody can say.
    void begin(disk_ledgers next) {
        const std::scoped_lock lock(guard_);
        steps_before_ += current_steps() + 1;
        current_ = std::move(next);
        at_begin_ = current_.ended_well();
    }

    // What waits for the unit ends without it: nothing more is asked of it.
    bool is_given_up() const {
        const std::scoped_lock lock(guard_);
        return is_given_up_;
    }

    // ---- any thread ----

    void give_up() {
        const std::scoped_lock lock(guard_);
        is_given_up_ = true;
    }

    // Grows with each disk that is gone, and with each write and flush of the one that is going
    // that succeeds.
    std::uint64_t steps() const {
        const std::scoped_lock lock(guard_);
        return steps_before_ + current_steps();
    }

  private:
    std::uint64_t current_steps() const { return current_.ended_well() - at_begin_; }

    mutable std::mutex guard_; // of what follows
    disk_ledgers current_;
    std::uint64_t at_begin_ = 0;
    std::uint64_t steps_before_ = 0;
    bool is_given_up_ = false;
};

} // namespace iscsid::session
