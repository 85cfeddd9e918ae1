#pragma once

#include "libiscsi/core/session/task.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace iscsi {

// Holds new commands to a unit back after a recovery until every re-issued one that may change its
// medium is answered. The target may still be running the first copy of a write; a newer write to
// the same blocks must not come between it and its repetition.
class replay_barrier {
  public:
    void restart() { units_.clear(); }

    void reissued(const task& what) {
        if (!may_write(what))
            return;
        if (auto* open = find(what))
            ++open->writes;
        else
            units_.push_back({what.what.lun, 1});
    }

    void over(const task& what) {
        auto* open = what.reissued && may_write(what) ? find(what) : nullptr;
        if (open != nullptr && --open->writes == 0)
            units_.erase(units_.begin() + (open - units_.data()));
    }

    bool holds(const task& what) const {
        return !what.reissued && !units_.empty() &&
               std::any_of(units_.begin(), units_.end(), [&](const unit& each) {
                   return each.lun == what.what.lun;
               });
    }

  private:
    struct unit {
        lun_field lun;
        std::size_t writes = 0; // re-issued and not answered
    };

    // A command without data may change blocks too: WRITE SAME with NDOB, SYNCHRONIZE CACHE.
    static bool may_write(const task& what) { return !what.is_read(); }

    unit* find(const task& what) {
        const auto found = std::find_if(units_.begin(), units_.end(), [&](const unit& each) {
            return each.lun == what.what.lun;
        });
        return found == units_.end() ? nullptr : &*found;
    }

    std::vector<unit> units_;
};

} // namespace iscsi
