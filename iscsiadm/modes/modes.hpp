#pragma once

#include "iscsiadm/cli/modes.hpp"
#include "iscsiadm/modes/context.hpp"

namespace iscsi::cli {

// Does what a command line asks for; one function per mode, one file per function.
// The last thing it does is to look whether stdout took everything: an exit code of 0 promises that
// the lines are there.
exit_code run(const command_line& line, context& at);

// discovery and discoverydb: ask a portal, or list and change what was asked before.
exit_code run_discovery(const discovery_mode& mode, context& at);
// Records of targets, and logins and logouts by them.
exit_code run_node(const node_mode& mode, context& at);
// Sessions of the daemon. It needs one: without, the exit code is 20.
exit_code run_session(const session_mode& mode, context& at);
// Interface records. No daemon is needed but to see whether a session uses one that is deleted.
exit_code run_iface(const iface_mode& mode, context& at);
// Sessions in the form of hosts.
exit_code run_host(const host_mode& mode, context& at);
// The targets of the boot firmware, shown or logged in to. Ends with 21 where it names none: boot
// scripts go on then.
exit_code run_fw(const fw_mode& mode, context& at);

} // namespace iscsi::cli
