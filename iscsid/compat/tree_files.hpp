#pragma once

#include "iscsid/compat/sysfs_tree.hpp"

#include "libiscsi/base/result.hpp"

#include <filesystem>

// Trees as files below a root. The file system is in memory: nothing here waits for a disk.
namespace iscsid::compat {

// Makes the files below `root` those of `wanted`, of which those of `present` are there. What is
// the same is not touched; a file that changes has its old text or its new one at any moment.
// Faults: not_ours when a new name is taken by somebody else, write_failed. Then nothing of both is
// left.
iscsi::result<void>
change_files(const std::filesystem::path& root, const tree& present, const tree& wanted);

// Away with them, whatever is left of them.
void remove_files(const std::filesystem::path& root, const tree& present);

} // namespace iscsid::compat
