#pragma once

#include <string_view>

namespace iscsi::admin {

// The version of open-iscsi whose words and files we speak. It stands in "# BEGIN RECORD" and in
// `iscsiadm -V`: scripts compare it, so it changes only when the words do.
inline constexpr std::string_view compatible_version = "2.1.8";

// The version of this project.
// From CMakeLists.txt; the daemon's log and its Status reply have it.
extern const std::string_view own_version;

} // namespace iscsi::admin
