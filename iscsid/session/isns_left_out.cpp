#include "iscsid/session/isns_left_out.hpp"

#include <fmt/format.h>

namespace iscsid::session {

namespace {

constexpr std::size_t most_lines = 100;
constexpr std::size_t most_seen = 65536; // behind it one that comes again counts again

} // namespace

void isns_left_out::take(const iscsi::isns::found_targets& found) {
    for (const auto& each : found.refused) {
        if (targets_)
            targets_(each.target);
        auto line = each.why.text();
        if (!each.target.empty() && line.find(each.target) == std::string::npos)
            line.insert(0, each.target + ": ");
        const auto hash = std::hash<std::string>()(line);
        if (seen_.contains(hash))
            continue;
        if (seen_.size() < most_seen)
            seen_.insert(hash);
        if (told_ == most_lines) {
            ++rest_;
            continue;
        }
        ++told_;
        lines_("left out: " + line);
    }
}

void isns_left_out::tell_rest() {
    if (rest_ > 0)
        lines_(fmt::format("{} more left out", rest_));
}

} // namespace iscsid::session
