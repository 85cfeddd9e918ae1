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
    // What is no pair, bad names and addresses: they spoil nothing but themselves. The first ones,
    // and how many more there are.
    std::vector<fault> refused;
    std::size_t more_refused = 0;
};

// Reads the answer to SendTargets (Appendix C), entry by entry. An address after something that
// cannot be read belongs to the target before it, unless that seems to have been a name. Of which
// target a refused address is, stands behind its field: "TargetAddress of NAME".
discovery_answer read_send_targets(bytes_view text);

} // namespace iscsi
