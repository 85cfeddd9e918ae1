#pragma once

#include "iscsid/compat/acting_mount.hpp"
#include "iscsid/compat/sysfs_places.hpp"
#include "iscsid/compat/sysfs_tree.hpp"
#include "iscsid/session/manager.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace iscsid::compat {

// Sessions have SCSI hosts from here on, which leaves the numbers below to the kernel.
inline constexpr std::uint32_t hosts_before_ours = 1000;

// `iscsid.compat.sysfs`: the sessions of this daemon as the kernel's initiator shows its own below
// /sys, for callers that walk there instead of asking. A session appears when its login has
// succeeded, its LUNs when they are disks, and both are gone when a logout returns.
//
//   remove_left_mounts(), always → start() → refresh(), often → stop()
//
// Lives on the control thread. `sessions` outlives it.
class sysfs : public std::enable_shared_from_this<sysfs> {
  public:
    struct ties {
        boost::asio::any_io_executor control;
        session::manager* sessions = nullptr;
        std::string source; // of the mounts: source_prefix and the runtime folder
        std::filesystem::path root = "/sys";
    };

    // Without sessions. Faults: why it cannot be had; then nothing is mounted.
    static iscsi::result<std::shared_ptr<sysfs>> start(ties with);

    // Something of this session may have changed, or it is not there any more.
    void refresh(lane::session_key sid);

    // Everything that was mounted is gone afterwards.
    void stop();

  private:
    struct shown {
        session_picture picture;
        tree files;
        bool is_refused = false; // the kernel has such a name: it is not shown
    };

    sysfs(ties with, sysfs_places places);
    void look_below_later();
    void change(shown& from, const session_picture& to);
    void take_away(const shown& what);
    void act(const acting_file& file, std::string written, std::function<void(int)> done);

    ties with_;
    sysfs_places places_;
    std::shared_ptr<acting_mount> acting_;
    std::map<lane::session_key, shown> shown_;
    boost::asio::steady_timer pause_;
};

// What the tree shows of a session.
session_picture picture_of(const session::session_outline& known);

} // namespace iscsid::compat
