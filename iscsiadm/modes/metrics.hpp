#pragma once

#include "iscsiadm/modes/context.hpp"

namespace iscsi::cli {

// `-m session --metrics`: what iscsid tells Prometheus, in the form that node_exporter's textfile
// collector reads. Without sessions there are metrics, too; without a daemon nothing is printed.
exit_code print_metrics(context& at);

} // namespace iscsi::cli
