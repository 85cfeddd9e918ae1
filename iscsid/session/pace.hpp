#pragma once

#include "libiscsi/core/parameters.hpp"

#include <algorithm>

namespace iscsid::session {

// How long to wait before the next try: 1 s, 2 s, then 3 s (open-iscsi's pace). Never less, so
// that a target that refuses at once is not hit in a tight loop.
class pace {
  public:
    iscsi::duration next() {
        wait_ = std::min<iscsi::duration>(wait_ + std::chrono::seconds(1), std::chrono::seconds(3));
        return wait_;
    }

    void reset() { wait_ = iscsi::duration::zero(); }

  private:
    iscsi::duration wait_{};
};

} // namespace iscsid::session
