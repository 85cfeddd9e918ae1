#pragma once

#include "iscsid/os/descriptor.hpp"

#include "libiscsi/base/result.hpp"

#include <filesystem>

namespace iscsid::sys {

// `taken` ends the start; a folder that cannot be locked belongs to nobody we could disturb.
enum class folder_lock_errc { taken = 1, cannot_lock };

const char* category_name(folder_lock_errc);
std::string_view message_of(folder_lock_errc);

// The right to be the only daemon that works with a folder, whatever its socket and PID file are.
// Two would take each other's disks for left behind. The lock (flock) is on the folder itself, so
// nothing is written, and it ends with the process; as long as it lives the filesystem of the
// folder cannot be unmounted.
class folder_lock {
  public:
    // Makes the folder, with mode 0700, when only it is missing. Faults: folder_lock_errc, naming
    // the folder.
    static iscsi::result<folder_lock> take(const std::filesystem::path& folder);

  private:
    explicit folder_lock(os::descriptor folder) : folder_(std::move(folder)) {}

    os::descriptor folder_;
};

} // namespace iscsid::sys
