#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

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
// So is that of a lock by flock(2).
std::optional<lock_holder> find_lock_holder(int file);

// The same by the name of the file; nothing when there is none.
std::optional<lock_holder> find_lock_holder(const std::filesystem::path& file);

// Whoever wrote its number into this file, if a program of this name runs under it: a file that a
// killed process has left names nobody.
std::optional<lock_holder>
find_by_pid_file(const std::filesystem::path& file, std::string_view program);

} // namespace iscsi::admin
