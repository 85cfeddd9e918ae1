#pragma once

#include "libiscsi/core/login/challenge_watch.hpp"

#include <cstddef>
#include <mutex>
#include <vector>

namespace iscsid::session {

// The CHAP challenges of the daemon's latest logins; sessions log in again on their lanes, so it is
// locked. Far more than logins that can be under way within a login timeout.
class recent_challenges final : public iscsi::challenge_watch {
  public:
    static constexpr std::size_t most = 1024;

    void issued(iscsi::bytes_view challenge) override;
    bool is_ours(iscsi::bytes_view challenge) const override;

  private:
    mutable std::mutex lock_;
    std::vector<std::vector<std::byte>> all_;
    std::size_t oldest_ = 0;
};

} // namespace iscsid::session
