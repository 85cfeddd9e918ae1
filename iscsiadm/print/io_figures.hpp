#pragma once

#include "libiscsi/admin/messages.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What was asked of a LUN and how long it took, counted since the session was made.
namespace iscsi::cli {

// Those of one kind; nothing has been asked where there are none.
admin::io_figures figures_of(const admin::attached_lun& lun, std::string_view kind);

// What has ended between two looks. Figures that have gone back are of a daemon that began anew:
// then it is all of `now`. in_flight is that of `now`.
admin::io_figures difference(const admin::io_figures& now, const admin::io_figures& before);

// Of several LUNs together.
admin::io_figures sum(const admin::io_figures& one, const admin::io_figures& other);

// This many hundredths of the requests took less than so many microseconds; none: no request.
std::optional<std::uint64_t>
percentile(const std::vector<admin::latency_bucket>& latencies, unsigned hundredths);

// "160 us", "1.3 ms", "20 s".
std::string time_words(std::uint64_t microseconds);

// For -s: each kind that was asked for with its latencies, by powers of two; empty where nothing
// was.
std::string io_lines(const admin::attached_lun& lun);

} // namespace iscsi::cli
