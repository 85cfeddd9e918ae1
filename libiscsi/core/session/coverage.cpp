#include "libiscsi/core/session/coverage.hpp"

#include <algorithm>

namespace iscsi {

void coverage::clear() {
    contiguous_ = total_ = 0;
    behind_gap_.clear();
}

// In the usual order nothing is ever behind a gap, and adding is one comparison and one sum.
bool coverage::add(std::uint64_t offset, std::uint64_t length) {
    const range added{offset, offset + length};
    if (length == 0)
        return true;
    if (overlaps(added))
        return false;
    total_ += length;
    if (offset == contiguous_)
        contiguous_ = added.end;
    else
        behind_gap_.insert(
            std::upper_bound(
                behind_gap_.begin(),
                behind_gap_.end(),
                added,
                [](const range& a, const range& b) { return a.begin < b.begin; }
            ),
            added
        );
    join_front();
    return true;
}

// A byte that comes twice may be another one the second time; which of them counts is anybody's
// guess.
bool coverage::overlaps(const range& other) const {
    if (other.begin < contiguous_)
        return true;
    return std::any_of(behind_gap_.begin(), behind_gap_.end(), [&](const range& present) {
        return other.begin < present.end && present.begin < other.end;
    });
}

// The ranges at the front that the contiguous part has reached become part of it.
void coverage::join_front() {
    const auto gap = std::find_if(behind_gap_.begin(), behind_gap_.end(), [this](const range& r) {
        if (r.begin != contiguous_)
            return true;
        contiguous_ = r.end;
        return false;
    });
    behind_gap_.erase(behind_gap_.begin(), gap);
}

} // namespace iscsi
