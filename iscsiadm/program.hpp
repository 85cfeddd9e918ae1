#pragma once

#include <string>
#include <vector>

namespace iscsi::cli {

// iscsiadm from its arguments (without the program's name) to its exit code.
// The exit codes are open-iscsi's (admin::exit_code); clients such as os-brick decide by 0, 2, 6,
// 15, 21 and 255. It installs a handler for SIGINT and sets the umask, so a process calls it once.
int iscsiadm_main(const std::vector<std::string>& arguments);

} // namespace iscsi::cli
