#pragma once

#include "iscsid/lane/note.hpp"

#include "libiscsi/core/parameters.hpp"

#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace iscsid::lane {

// Which of many things of one kind are worth a line in the log: the first, and then each whose
// number is a power of two. After a minute without any it begins again, so that one of today is not
// hidden behind the thousands of last week.
class line_limit {
  public:
    struct line {
        std::uint64_t count = 0;  // this one included
        std::uint64_t untold = 0; // since the last line
    };

    // To be called for every one; nothing when it is not to be told.
    std::optional<line> note(iscsi::instant now) {
        if (now - last_ > quiet)
            count_ = 0;
        last_ = now;
        ++untold_;
        if (!std::has_single_bit(++count_))
            return std::nullopt;
        return line{count_, std::exchange(untold_, 0) - 1};
    }

  private:
    static constexpr auto quiet = std::chrono::minutes(1);

    std::uint64_t count_ = 0;
    std::uint64_t untold_ = 0;
    iscsi::instant last_{};
};

// The same for each kind of trouble of a logical unit.
class trouble_log {
  public:
    std::optional<line_limit::line> note(trouble_kind kind, iscsi::instant now) {
        return limits_[static_cast<std::size_t>(kind)].note(now);
    }

  private:
    std::array<line_limit, trouble_kinds> limits_;
};

} // namespace iscsid::lane
