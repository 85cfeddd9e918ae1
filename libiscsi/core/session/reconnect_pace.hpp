#pragma once

#include "libiscsi/core/parameters.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

namespace iscsi {

// How long to wait before the next connection: 1, 2, 3, 3, … s until the replacement timeout, with
// one try just before it; after that slower and slower, up to 30 s.
//
// Time2Wait (RFC 7143 §7.5) is the target's affair and is obeyed once: it may take the first place.
// pause() for each attempt that has failed, logged_in() when one has not.
class reconnect_pace {
  public:
    // The target has named a Time2Wait with a Logout Response or an Asynchronous Message (§11.9.1,
    // §11.15.4), in place of the negotiated one.
    void order(duration time2wait) { ordered_ = time2wait; }

    void logged_in() {
        failures_ = 0;
        given_up_ = false;
    }

    // The replacement timeout is over.
    void give_up() {
        given_up_ = true;
        late_failures_ = 0;
    }

    bool has_given_up() const { return given_up_; }

    // `left`: until the replacement timeout; nothing when it does not run.
    duration pause(duration negotiated_time2wait, std::optional<duration> left) {
        const auto length = next(negotiated_time2wait, left);
        ordered_.reset();
        ++failures_;
        late_failures_ += given_up_ ? 1U : 0U;
        return length;
    }

  private:
    static constexpr duration shortest = std::chrono::seconds(1);
    static constexpr duration usual = std::chrono::seconds(3);
    static constexpr duration longest = std::chrono::seconds(30);
    static constexpr unsigned most_doublings = 5;

    duration next(duration negotiated, std::optional<duration> left) const {
        if (failures_ == 0)
            return std::max(shortest, ordered_.value_or(negotiated));
        if (given_up_)
            return std::min(longest, usual * (1U << std::min(late_failures_, most_doublings)));
        const auto regular = std::min<duration>(usual, shortest * (failures_ + 1));
        const auto last_try = left ? *left - shortest : duration::max();
        return regular > last_try && last_try > duration::zero() ? last_try : regular;
    }

    unsigned failures_ = 0;      // in a row, since the last login
    unsigned late_failures_ = 0; // of them: after giving up
    bool given_up_ = false;
    std::optional<duration> ordered_;
};

} // namespace iscsi
