#pragma once

#include <string>
#include <vector>

namespace iscsi::cli {

// iscsiadm from its arguments (without the program's name) to its exit code.
int iscsiadm_main(const std::vector<std::string>& arguments);

} // namespace iscsi::cli
