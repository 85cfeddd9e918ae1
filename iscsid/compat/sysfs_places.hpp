#pragma once

#include "iscsid/compat/cover.hpp"

#include "libiscsi/base/result.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace iscsid::compat {

// The folders of sysfs where trees stand: class/{iscsi_host,iscsi_session,iscsi_connection,
// scsi_host} and bus/scsi/devices, each covered. Where the kernel does not have one, because the
// drivers that make it are not loaded, the folder above is covered and gets it.
class sysfs_places {
  public:
    // `root` is /sys. Mounts of a daemon that was killed and had the same source are removed first.
    // Faults: no_sysfs, mount_failed, taken_by_another; then nothing is covered.
    static iscsi::result<sysfs_places> cover_all(std::filesystem::path root, std::string source);

    sysfs_places(sysfs_places&&) = default;
    sysfs_places& operator=(sysfs_places&&) = delete;
    sysfs_places(const sysfs_places&) = delete;
    sysfs_places& operator=(const sysfs_places&) = delete;

    ~sysfs_places() { uncover(); }

    // Everything is as it was before.
    void uncover();

    // What the kernel has made or removed there since.
    void mirror();

    const std::filesystem::path& root() const { return root_; }

    const std::string& source() const { return source_; }

  private:
    sysfs_places(std::filesystem::path root, std::string source)
        : root_(std::move(root)), source_(std::move(source)) {}

    iscsi::result<void> provide_classes();
    iscsi::result<void> provide_devices();
    iscsi::result<void> lay(const std::filesystem::path& where);

    std::filesystem::path root_;
    std::string source_;
    std::vector<cover> covers_; // each may lie on one before it
};

// What the source of our mounts begins with; the runtime folder follows.
inline constexpr std::string_view source_prefix = "iscsid:";

struct mounted {
    std::string where;
    std::string source;

    friend bool operator==(const mounted&, const mounted&) = default;
};

// The mounts of a mountinfo file (proc_pid_mountinfo(5)) below a folder whose source has our
// prefix, the newest first. Pure.
std::vector<mounted> our_mounts(std::string_view mountinfo, std::string_view folder);

// Takes away what a daemon with this source has left below `root`; nothing for one that left
// nothing. Never waits for it.
void remove_left_mounts(const std::filesystem::path& root, const std::string& source);

} // namespace iscsid::compat
