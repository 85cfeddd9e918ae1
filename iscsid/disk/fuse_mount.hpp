#pragma once

#include "iscsid/disk/helper.hpp"
#include "iscsid/os/descriptor.hpp"

#include "libiscsi/base/result.hpp"

#include <cstdint>
#include <string>

namespace iscsid::disk {

// /dev/fuse, non-blocking: a ring then polls it instead of parking a thread in a read.
iscsi::result<os::descriptor> open_fuse();

struct mount_settings {
    std::string folder; // made when missing, mode 0700
    std::string name;   // of the file in it; a number is added when it is taken
    std::string source; // what /proc/mounts shows as the device
    int device = -1;    // from open_fuse()
    bool read_only = false;
    std::uint32_t largest_read = 0; // bytes
};

// A FUSE filesystem that is one regular file, mounted on a regular file, as long as this object
// lives. Only the owner (root) may use it.
class fuse_mount {
  public:
    // Does not wait for the server. `waiter` unmounts it. Faults: mount_failed.
    static iscsi::result<fuse_mount> make(helper& waiter, const mount_settings& settings);

    // One that an earlier daemon has made.
    static fuse_mount take_over(helper& waiter, std::string path) {
        return {waiter, std::move(path)};
    }

    fuse_mount(fuse_mount&& other) noexcept;
    fuse_mount& operator=(fuse_mount&&) = delete;
    fuse_mount(const fuse_mount&) = delete;
    fuse_mount& operator=(const fuse_mount&) = delete;
    ~fuse_mount();

    const std::string& path() const { return path_; }

    // From any thread but the lane's: ends the connection. Everything that waits for the server
    // fails. Of a mount that nobody uses it may wait until the lane has heard that the entries of
    // io_uring have come back.
    void abort() const { abort(path_); }

    static void abort(const std::string& path);

  private:
    fuse_mount(helper& waiter, std::string path);

    helper* waiter_;
    std::string path_; // empty: moved away
};

} // namespace iscsid::disk
