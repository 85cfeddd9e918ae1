#pragma once

#include "libiscsi/admin/record.hpp"

#include <string_view>

namespace iscsi::admin {

// Whether a node record has this startup: manual, automatic, onboot. As open-iscsi has it, either
// of its two settings is enough.
inline bool has_startup(const record& node, std::string_view word) {
    return node.get("node.startup") == word || node.get("node.conn[0].startup") == word;
}

} // namespace iscsi::admin
