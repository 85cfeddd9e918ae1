#pragma once

#include "iscsid/lane/note.hpp"

#include "libiscsi/core/parameters.hpp"

#include <array>
#include <bit>
#include <optional>

namespace iscsid::lane {

// Which troubles of a logical unit are worth a line in the log: of each kind the first, and then
// each whose number is a power of two. After a minute without any of the kind it begins again, so
// that a trouble of today is not hidden behind the thousands of last week.
class trouble_log {
  public:
    struct line {
        std::uint64_t count = 0;  // this one included
        std::uint64_t untold = 0; // since the last line of this kind
    };

    // To be called for every trouble; nothing when it is not to be told.
    std::optional<line> note(trouble_kind kind, iscsi::instant now) {
        tally& of = tallies_[static_cast<std::size_t>(kind)];
        if (now - of.last > quiet)
            of.count = 0;
        of.last = now;
        ++of.untold;
        if (!std::has_single_bit(++of.count))
            return std::nullopt;
        return line{of.count, std::exchange(of.untold, 0) - 1};
    }

  private:
    static constexpr auto quiet = std::chrono::minutes(1);

    struct tally {
        std::uint64_t count = 0;
        std::uint64_t untold = 0;
        iscsi::instant last{};
    };

    std::array<tally, trouble_kinds> tallies_;
};

} // namespace iscsid::lane
