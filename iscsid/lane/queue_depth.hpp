#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace iscsid::lane {

// How many commands a logical unit gets at a time. TASK SET FULL (SAM-5 §5.3.1) says that it holds
// as many as it can: that is the depth from then on, and it grows by one with each depth's worth of
// commands that end well.
class queue_depth {
  public:
    bool allows(std::size_t in_flight) const { return in_flight < limit_; }

    // The target has turned one down while it held `in_flight` others.
    void refused(std::size_t in_flight) {
        limit_ = std::clamp<std::size_t>(in_flight, 1, limit_);
        successes_ = 0;
    }

    void succeeded() {
        if (limit_ == unlimited || ++successes_ < limit_)
            return;
        successes_ = 0;
        limit_ = limit_ + 1 < enough ? limit_ + 1 : unlimited;
    }

  private:
    static constexpr std::size_t unlimited = SIZE_MAX;
    static constexpr std::size_t enough = 256; // above that the session's slots are the limit

    std::size_t limit_ = unlimited;
    std::size_t successes_ = 0; // in a row, at this limit
};

} // namespace iscsid::lane
