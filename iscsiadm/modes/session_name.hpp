#pragma once

#include "libiscsi/admin/messages.hpp"

#include <optional>
#include <string>
#include <vector>

// -r: a session by its number; by its folder in sysfs ("…/session5"), which scripts of open-iscsi
// pass; or by a disk of it ("/dev/ublkb0", or a link to one).
namespace iscsi::cli {

// A number above 0, or a path that exists or ends in a session's name.
bool names_session(const std::string& which);

// Nothing when no session has that number, or no session that disk.
std::optional<admin::session_info>
find_session(const std::string& which, const std::vector<admin::session_info>& sessions);

} // namespace iscsi::cli
