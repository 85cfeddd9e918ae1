#include "iscsid/session/recent_challenges.hpp"

#include <algorithm>

namespace iscsid::session {

void recent_challenges::issued(iscsi::bytes_view challenge) {
    const std::scoped_lock locked(lock_);
    if (all_.size() < most) {
        all_.emplace_back(challenge.begin(), challenge.end());
        return;
    }
    all_.at(oldest_).assign(challenge.begin(), challenge.end());
    oldest_ = (oldest_ + 1) % most;
}

bool recent_challenges::is_ours(iscsi::bytes_view challenge) const {
    const std::scoped_lock locked(lock_);
    return std::any_of(all_.begin(), all_.end(), [challenge](const auto& each) {
        return std::equal(each.begin(), each.end(), challenge.begin(), challenge.end());
    });
}

} // namespace iscsid::session
