#pragma once

#include "iscsiadm/cli/modes.hpp"
#include "iscsiadm/modes/context.hpp"

namespace iscsi::cli {

// Does what a command line asks for; one function per mode, one file per function.
exit_code run(const command_line& line, context& at);

exit_code run_discovery(const discovery_mode& mode, context& at);
exit_code run_node(const node_mode& mode, context& at);
exit_code run_session(const session_mode& mode, context& at);
exit_code run_iface(const iface_mode& mode, context& at);
exit_code run_host(const host_mode& mode, context& at);
exit_code run_fw(context& at);

} // namespace iscsi::cli
