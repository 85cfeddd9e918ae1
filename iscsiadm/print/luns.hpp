#pragma once

#include "libiscsi/admin/messages.hpp"

#include <string>
#include <vector>

namespace iscsi::cli {

// --luns: a heading with the session, the names of the columns, and a line for each LUN, for
// people. Columns are as wide as they must be; "-" stands for what is not known or not there.
std::string
lun_table(const admin::session_info& session, const std::vector<admin::lun_details>& luns);

// "64.0 MiB", in the largest unit of which there is one.
std::string size_in_words(std::uint64_t bytes);

} // namespace iscsi::cli
