#pragma once

#include "libiscsi/core/parameters.hpp"

#include <algorithm>
#include <cstdint>

namespace iscsi {

// Bounds the data that commands in one direction have still to move by what the link has carried
// lately: what is more would only wait in the target or in buffers on the way, older than it need
// be and ahead of everybody else's.
class flow_limit {
  public:
    static constexpr std::uint64_t least =
        std::uint64_t{1024} * 1024; // bytes, however slow the link

    void begin(std::uint64_t bytes, instant now) {
        if (outstanding_ == 0)
            restart_sample(now);
        outstanding_ += bytes;
    }

    void moved(std::uint64_t bytes, instant now) {
        outstanding_ -= std::min(bytes, outstanding_);
        moved_ += bytes;
        if (now - since_ >= longest_sample || moved_ >= limit_ / 2)
            take_sample(now);
    }

    // They will not move any more.
    void drop(std::uint64_t bytes) { outstanding_ -= std::min(bytes, outstanding_); }

    bool has_room() const { return outstanding_ < limit_; }

    std::uint64_t limit() const { return limit_; }

    // What moves in that time.
    std::uint64_t moved_in(std::chrono::nanoseconds time) const {
        return static_cast<std::uint64_t>(rate_ * std::chrono::duration<double>(time).count());
    }

  private:
    static constexpr auto longest_sample = std::chrono::milliseconds(50);
    static constexpr auto horizon = std::chrono::seconds(2);
    static constexpr double fastest = 1e12; // bytes a second

    void restart_sample(instant now) {
        since_ = now;
        moved_ = 0;
    }

    void take_sample(instant now) {
        const std::chrono::duration<double> time = now - since_;
        rate_ = std::min(fastest, static_cast<double>(moved_) / std::max(time.count(), 1e-9));
        limit_ = std::max(least, moved_in(horizon));
        restart_sample(now);
    }

    std::uint64_t outstanding_ = 0;
    std::uint64_t limit_ = least;
    std::uint64_t moved_ = 0; // in this sample
    instant since_{};
    double rate_ = 0; // bytes a second
};

} // namespace iscsi
