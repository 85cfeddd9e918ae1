#pragma once

#include "libiscsi/base/result.hpp"
#include "libiscsi/base/text.hpp"
#include "libiscsi/names/portal.hpp"

#include <string>
#include <vector>

namespace iscsi {

// As the target named it; a portal may appear twice.
struct discovered_target {
    std::string name;
    std::vector<portal> portals; // empty: the portal of the discovery session itself
    friend bool operator==(const discovered_target&, const discovered_target&) = default;
};

// In the order of the answer, each name once.
struct discovery_answer {
    std::vector<discovered_target> targets;
    std::vector<fault> refused; // bad names and addresses; they spoil nothing but themselves
};

// Reads the answer to SendTargets (Appendix C).
discovery_answer read_send_targets(const text_pairs& pairs);

} // namespace iscsi
