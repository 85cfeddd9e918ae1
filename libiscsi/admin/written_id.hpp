#pragma once

#include "libiscsi/admin/record_id.hpp"

#include <optional>
#include <string_view>

namespace iscsi::admin {

// What the text of a node record says of its own place, at a glance: for listings, where parsing
// each record would be most of the work. Nothing unless it says all of that once, in the way in
// which open-iscsi and we write it, and has its end line: then only parse_record() knows.
std::optional<node_id> written_id(std::string_view text);

} // namespace iscsi::admin
