#pragma once

#include "iscsid/daemon_options.hpp"
#include "iscsid/disk/helper.hpp"
#include "iscsid/sys/folder_lock.hpp"
#include "iscsid/sys/pid_file.hpp"

#include "libiscsi/base/result.hpp"

#include <memory>
#include <optional>
#include <string>

// What a daemon does before it is one.
namespace iscsid {

// In the background it leaves the folder in which the paths were meant.
daemon_options with_absolute_paths(daemon_options options);

// Without it there are no disks of the kernel, but all the rest; nothing: the log says why.
std::unique_ptr<disk::helper>
start_helper(const daemon_options& options, const std::string& disks_folder = {});

// -u and -g. The folder first, while that is still allowed.
iscsi::result<void> drop_ids(const daemon_options& options);

// Nothing where none is wanted.
iscsi::result<std::optional<sys::pid_file>> take_pid_file(const daemon_options& options);

// Nobody else is a daemon there as long as this is held; that of an initramfs is relieved.
iscsi::result<std::optional<sys::folder_lock>> take_over_folder(const daemon_options& options);

} // namespace iscsid
