#pragma once

#include "iscsid/device/udev_entry.hpp"

#include "libiscsi/base/result.hpp"

#include <chrono>
#include <filesystem>
#include <string>

namespace iscsid::device {

// What udev is told of the disks, and the wait for what it makes of that: the file per device that
// 59-iscsi-userland.rules imports. All calls may wait, so they are for workers. Where no udevd runs
// (containers) nothing is waited for.
class udev_links {
  public:
    // The rules look at /run/iscsid/udev; with another folder nothing is waited for.
    explicit udev_links(std::filesystem::path folder) : folder_(std::move(folder)) {}

    // What stands there of an earlier daemon; for the start, before any announce().
    void clear() const;

    // To be called before the device appears or, where its name is only known then, right after.
    // Fault: registry_errc::write_failed; then nothing is announced, whatever was before: the words
    // of another disk would be wrong for this one.
    iscsi::result<void>
    announce(const std::string& node, const disk_identity_words& identity) const;

    // For a device that was there before announce(): udevd looks at it again.
    void look_again(const std::string& node) const;

    // Waits until udevd has looked at the device and its partitions with what announce() said; not
    // for one of which nothing is announced. False: not within the limit.
    bool wait_for_links(const std::string& node, std::chrono::milliseconds limit) const;

    // Takes the announcement back: to be called before the device vanishes.
    void retract(const std::string& node) const;

    // Takes it back for a device that is another's now, whose links must not be ours: unless that
    // one has been announced meanwhile. udevd looks at the device again then.
    void retract_lost(const std::string& node, const disk_identity_words& identity) const;

    // Waits until udevd has let go of a device that the kernel has removed.
    bool wait_until_gone(const std::string& node, std::chrono::milliseconds limit) const;

  private:
    std::filesystem::path folder_;
};

} // namespace iscsid::device
