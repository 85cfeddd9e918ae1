#pragma once

#include "libiscsi/admin/messages.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

// The table of `-m session --watch`.
namespace iscsi::cli {

// The sessions with attached_lun::io, as they were at one moment.
struct sample {
    std::chrono::steady_clock::time_point taken;
    std::vector<admin::session_info> sessions;
};

// What happens between two samples: a line for each session with the sum of its LUNs, and under it
// one for each LUN. Rates are per second. A session or LUN that was not in `before` has no rates
// yet.
std::vector<std::string> watch_table(const sample& now, const sample& before);

// So many lines and columns as a terminal has; what is left out at the end is said. 0: no limit.
std::string cut_to(std::vector<std::string> lines, std::size_t rows, std::size_t columns);

} // namespace iscsi::cli
