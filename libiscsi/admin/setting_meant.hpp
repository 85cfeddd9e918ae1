#pragma once

#include "libiscsi/admin/setting.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace iscsi::admin {

// What somebody who wrote `text` for this key can only have meant, as a value that the row takes:
// "yes" is Yes, "automatic # boot" is automatic, a number beyond the range is its end, a list keeps
// the words that it knows. Nothing when it could be anything. For iscsid.conf, whose reader says
// what it used; a record's value is never guessed at.
std::optional<std::string> value_meant(const setting& row, std::string_view text);

} // namespace iscsi::admin
