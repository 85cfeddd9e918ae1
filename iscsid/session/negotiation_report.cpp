#include "iscsid/session/negotiation_report.hpp"

#include <spdlog/spdlog.h>

namespace iscsid::session {

iscsi::negotiation_mode negotiation_mode_of(std::string_view strict) {
    return strict == "Yes" ? iscsi::negotiation_mode::strict : iscsi::negotiation_mode::lenient;
}

std::string describe_breaches(const std::vector<iscsi::negotiation_warning>& warnings) {
    std::string line;
    for (const auto& each : warnings)
        line += fmt::format(
            "{}{}: got {}, using {}", line.empty() ? "" : "; ", each.key, each.got, each.used
        );
    return line;
}

void log_breaches(
    std::string_view target,
    std::string_view address,
    const std::vector<iscsi::negotiation_warning>& warnings
) {
    if (warnings.empty())
        return;
    spdlog::warn(
        "{} at {}: login parameters against RFC 7143: {} (iscsid.strict_negotiation = Yes refuses "
        "them)",
        target.empty() ? "discovery" : target,
        address,
        describe_breaches(warnings)
    );
}

} // namespace iscsid::session
