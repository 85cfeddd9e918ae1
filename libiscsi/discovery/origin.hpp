#pragma once

#include "libiscsi/admin/record.hpp"
#include "libiscsi/admin/record_id.hpp"

#include <vector>

namespace iscsi::discovery {

// What a node record says of the source that has named it, by which `discoverydb -o delete` and a
// repeated discovery find it.
std::vector<admin::assignment> origin_of(const admin::discovery_id& source);

} // namespace iscsi::discovery
