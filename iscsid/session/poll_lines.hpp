#pragma once

#include "libiscsi/core/parameters.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace iscsid::session {

// Log lines of one kind that the polls of a source give rise to: what a target names is in its
// hands alone, and may be something else each second. Of one poll the first few are written, the
// others counted. Of the polls that have such lines the first are written, and then each whose
// number is a power of two, with the count of what was left out; after a minute without any it
// begins again.
class poll_lines {
  public:
    static constexpr std::size_t most_of_poll = 3;
    static constexpr std::uint64_t most_polls = 16; // before only powers of two are written

    // `what`: what the counted ones are, in the plural.
    explicit poll_lines(std::string what) : what_(std::move(what)) {}

    // All of one poll of the source that is named by `of`.
    void tell(
        spdlog::level::level_enum level,
        const std::string& of,
        const std::vector<std::string>& lines,
        iscsi::instant now
    ) {
        if (lines.empty())
            return;
        if (now - last_ > quiet)
            polls_ = 0;
        last_ = now;
        if (++polls_ > most_polls && !std::has_single_bit(polls_)) {
            untold_ += lines.size();
            return;
        }
        const auto told = std::min(lines.size(), most_of_poll);
        for (std::size_t n = 0; n < told; ++n)
            spdlog::log(level, "{}", lines[n]);
        const auto more = lines.size() - told + std::exchange(untold_, 0);
        if (more > 0)
            spdlog::log(level, "{}: and {} more {}", of, more, what_);
    }

  private:
    static constexpr auto quiet = std::chrono::minutes(1);

    std::string what_;
    std::uint64_t polls_ = 0;
    std::uint64_t untold_ = 0;
    iscsi::instant last_{};
};

} // namespace iscsid::session
