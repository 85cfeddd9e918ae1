#pragma once

#include "iscsid/daemon_options.hpp"

namespace iscsid {

// Runs iscsid until it is told to stop; gives the exit code of the process. To be called once, by
// the only thread there is.
int run_daemon(const daemon_options& options);

} // namespace iscsid
