#pragma once

#include "iscsid/lane/note.hpp"

#include "libiscsi/admin/config.hpp"
#include "libiscsi/admin/record_store.hpp"

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <set>
#include <string>

// A system that runs from a disk of ours: iscsistart has started a daemon in the initramfs, and
// the one of the system takes its place. What it needs until it has that disk is in the boot folder
// (admin::locations), which is in memory.
namespace iscsid {

namespace session {
class manager;
}

// The records of sessions, where an initramfs has begun some with this runtime folder. Not for the
// daemon whose database they are.
std::optional<iscsi::admin::record_store> boot_records(const iscsi::admin::locations& where);

// isid_seed(), of a copy in the boot folder if there is one. Empty in the initramfs: its target
// knows the session of the boot before by its ISID.
std::string system_isid_seed(const iscsi::admin::locations& where);

// Ends the daemon that iscsistart has started with this runtime folder: by a signal to the process
// that holds its PID file, after this program was brought into memory. From then on nobody answers
// the disk that the system runs from. True: there was one, and it has ended; false: there is none,
// or it does not end within a minute.
bool relieve_boot_daemon(const iscsi::admin::locations& where);

// Until no disk of these sessions waits to be taken over, a minute at most.
boost::asio::awaitable<void>
wait_for_disks_of(std::set<lane::session_key> which, const session::manager& sessions);

} // namespace iscsid
