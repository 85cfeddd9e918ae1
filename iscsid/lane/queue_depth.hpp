#pragma once

#include <algorithm>
#include <cstddef>

namespace iscsid::lane {

// How many commands a logical unit gets at a time: as many as the settings allow. TASK SET FULL
// (SAM-5 §5.3.1) says that it holds as many as it can: that is the depth from then on, and it grows
// by one with each depth's worth of commands that end well.
class queue_depth {
  public:
    explicit queue_depth(std::size_t most) : most_(std::max<std::size_t>(most, 1)) {}

    // Another number from the settings. What the unit has turned down still bounds it.
    void use(std::size_t most) {
        most_ = std::max<std::size_t>(most, 1);
        limit_ = was_refused_ ? std::min(limit_, most_) : most_;
    }

    bool allows(std::size_t in_flight) const { return in_flight < limit_; }

    // The target has turned one down while it held `in_flight` others.
    void refused(std::size_t in_flight) {
        was_refused_ = true;
        limit_ = std::clamp<std::size_t>(in_flight, 1, limit_);
        successes_ = 0;
    }

    void succeeded() {
        if (limit_ == most_ || ++successes_ < limit_)
            return;
        successes_ = 0;
        was_refused_ = ++limit_ < most_;
    }

  private:
    std::size_t most_; // never 0
    std::size_t limit_ = most_;
    std::size_t successes_ = 0; // in a row, at this limit
    bool was_refused_ = false;  // and has not grown to what is set since
};

} // namespace iscsid::lane
