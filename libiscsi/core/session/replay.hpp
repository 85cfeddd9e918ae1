#pragma once

#include "libiscsi/core/session/task.hpp"

#include <cstddef>

namespace iscsi {

// Holds new commands back after a recovery until every re-issued one that may change the medium is
// answered. The target may still be running the first copy of a write; a newer write to the same
// blocks must not come between it and its repetition.
class replay_barrier {
  public:
    void restart() { open_writes_ = 0; }

    void reissued(const task& what) { open_writes_ += may_write(what) ? 1U : 0U; }

    void over(const task& what) {
        if (what.reissued && may_write(what) && open_writes_ > 0)
            --open_writes_;
    }

    bool holds(const task& what) const { return !what.reissued && open_writes_ > 0; }

  private:
    // A command without data may change blocks too: WRITE SAME with NDOB, SYNCHRONIZE CACHE.
    static bool may_write(const task& what) { return !what.is_read(); }

    std::size_t open_writes_ = 0;
};

} // namespace iscsi
