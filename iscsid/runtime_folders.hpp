#pragma once

#include "iscsid/sys/folder_lock.hpp"

#include "libiscsi/base/result.hpp"

#include <filesystem>
#include <optional>

namespace iscsid {

// Another daemon's disks would look left behind to us. The record tree is not locked like this: an
// open folder keeps its filesystem from being unmounted. Without a value nobody could lock it, and
// a warning has said so. Fault: folder_lock_errc::taken.
iscsi::result<std::optional<sys::folder_lock>>
take_runtime_folder(const std::filesystem::path& runtime);

// The helper of a daemon that was killed may still clean up there, and does so only while nobody
// has this lock: waits for that, some seconds at most.
std::optional<sys::folder_lock> take_disks_folder(const std::filesystem::path& runtime);

} // namespace iscsid
