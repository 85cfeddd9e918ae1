#include "iscsid/session/unit_changes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>
#include <vector>

namespace iscsid::session {

namespace {

bool can_discard(const scsi::logical_unit& unit) {
    return unit.thin &&
           (unit.can_unmap || unit.can_write_same_16_unmap || unit.can_write_same_10_unmap);
}

std::string_view describe_cache(const scsi::logical_unit& unit) {
    if (!unit.write_cache_known)
        return "write cache unknown";
    return unit.write_cache_enabled ? "write cache on" : "write cache off";
}

// The grid and limits of discards, all of which the lane follows at once.
bool has_other_discards(const scsi::logical_unit& was, const scsi::logical_unit& now) {
    return was.unmap_granularity != now.unmap_granularity ||
           was.unmap_alignment != now.unmap_alignment ||
           was.max_unmap_blocks != now.max_unmap_blocks ||
           was.max_write_same_blocks != now.max_write_same_blocks;
}

} // namespace

std::string describe_behaviour(const scsi::logical_unit& was, const scsi::logical_unit& now) {
    std::vector<std::string> words;
    if (describe_cache(was) != describe_cache(now))
        words.emplace_back(describe_cache(now));
    if (was.dpofua != now.dpofua)
        words.emplace_back(now.dpofua ? "FUA bit supported" : "no FUA bit");
    if (can_discard(was) != can_discard(now)) // the kernel hears of it once, when a disk is made
        words.emplace_back(
            can_discard(now) ? "discards are offered from the next login on"
                             : "no discards any more"
        );
    if (was.reads_zero_after_unmap != now.reads_zero_after_unmap)
        words.emplace_back(
            now.reads_zero_after_unmap ? "unmapped blocks read as zeros"
                                       : "unmapped blocks need not read as zeros"
        );
    if (was.max_transfer_blocks != now.max_transfer_blocks)
        words.emplace_back(
            now.max_transfer_blocks == 0
                ? "no limit of a transfer"
                : fmt::format("at most {} blocks at a time", now.max_transfer_blocks)
        );
    if (has_other_discards(was, now))
        words.emplace_back("other limits of discards and zeroing");
    return fmt::format("{}", fmt::join(words, ", "));
}

} // namespace iscsid::session
