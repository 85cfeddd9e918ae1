#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace iscsi::admin {

// A process that holds a lock, as people know it.
struct lock_holder {
    pid_t process = 0;
    std::string name; // of its program, printable; empty when /proc does not tell it

    // "process 4711 (iscsiadm)"
    std::string text() const;
};

// Who holds the lock of the file that `file` is a descriptor of, when that can be known: of a POSIX
// lock the kernel says it, of an OFD lock it says only that there is one (l_pid is -1, fcntl(2)).
// Its holder is then whoever has a descriptor with that lock (proc_pid_fdinfo(5)), which of other
// users' processes only root sees. It may have ended when this returns.
std::optional<lock_holder> find_lock_holder(int file);

} // namespace iscsi::admin
