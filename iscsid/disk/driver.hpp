#pragma once

#include "iscsid/disk/fuse_way.hpp"
#include "iscsid/disk/kernel/errors.hpp"
#include "iscsid/lane/lane.hpp"
#include "iscsid/os/descriptor_store.hpp"

#include "libiscsi/base/result.hpp"

#include <sys/types.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace iscsid::disk {

class helper;
class unsettled_units;

// One LUN to make a disk of.
struct disk_request {
    lane::session_key session = 0; // whose commands reach the LUN
    iscsi::lun_field lun{};        // as on the wire (SAM-5 §4.7)
    std::uint64_t lun_number = 0;  // as Linux counts
    std::string target_name;
    scsi::logical_unit properties;

    // What the device is to say of itself, where the kernel keeps a word for its driver: no other
    // device says the same. 0: of an earlier version, which had none.
    std::uint64_t nonce = 0;

    // Called with the node's name before anybody can see the device: what a later daemon needs to
    // take it over must be written by then. May be called more than once, the last name holds.
    std::function<iscsi::result<void>(const std::string& node)> before_appearing{};
};

// Whether the kernel's device of that name is still the disk that it was asked of: anybody may take
// a device away, and its number goes to the next one who asks. Asks /sys, at once and on any
// thread, also when the disk's object has ended. Empty: there is no device that could be lost.
using ownership = std::function<bool()>;

// A block device of the kernel, as long as this object lives.
class disk {
  public:
    virtual ~disk() = default;

    // Name under /dev and /sys/block: "loop3". Empty for an exported socket.
    virtual const std::string& node() const = 0;

    virtual ownership owner() const { return {}; }

    // A sentence for the log when this device works otherwise than driver::words() says.
    virtual std::string remark() const { return {}; }

    // Of a device that several sessions have: whether another one of them has ended it, or is about
    // to; and the right to look who uses it, for which the helper itself has it open.
    virtual bool ends_with_another() const { return false; }

    virtual std::unique_lock<std::mutex> take_turn() { return {}; }

    // Of a driver that can_adopt(): whether this one device waits for the next daemon, too.
    virtual bool outlives_daemon() const { return true; }

    // Blocks until the device is gone: flush, remove the node, free what the driver holds. Faults:
    // disk_errc::busy when somebody still has it open (nothing has changed); flush_failed when the
    // device is gone, but not everything written to it is known to be on the medium.
    // To be called off the control thread.
    virtual iscsi::result<void> remove() = 0;

    // Asks its users to leave, where they can be asked: their requests that are under way end, new
    // ones are refused, and a remove() that follows waits for that. Returns at once, on any thread.
    virtual void dismiss() {}

    // The LUN has another capacity now. Faults: cannot_resize where the kernel knows no way.
    virtual iscsi::result<void> resize(const scsi::logical_unit& now);

    // The LUN is write-protected now, or no longer (`now.read_only`). The lane refuses writes by
    // itself; this is for what the kernel or clients show. Faults: cannot_follow where that is
    // fixed for the life of the device.
    virtual iscsi::result<void> set_read_only(const scsi::logical_unit& now);
};

// One way to the LUN of a disk that has several, each with a session and a queue of its own.
struct disk_path {
    lane::lane* where = nullptr;
    disk_request what;
};

// Makes disks. Calls block (they wait for the kernel, which waits for the lane): never call them on
// the control thread or on a lane.
class driver {
  public:
    virtual ~driver() = default;
    virtual std::string_view name() const = 0; // "fuse"

    // How it works here, and why, for the log.
    virtual std::string words() const { return {}; }

    virtual iscsi::result<std::unique_ptr<disk>>
    attach(lane::lane& where, const disk_request& what) = 0;

    // Whether devices outlive their daemon, if it ended now. Any thread.
    virtual bool can_adopt() const { return false; }

    // Whether disk_request::before_appearing is called.
    virtual bool tells_of_appearing() const { return can_adopt(); }

    // The same as disk::owner(), of a device that an earlier daemon has left and nobody has taken
    // over yet.
    virtual ownership owner_of(const disk_request& what, const std::string& node) const;

    // Takes over the device of a daemon that is gone; requests that it did not answer come again.
    // Faults: attach_failed when there is no such device any more.
    virtual iscsi::result<std::unique_ptr<disk>>
    adopt(lane::lane& where, const disk_request& what, const std::string& node);

    // Whether it makes one disk of a LUN that several sessions see, with a queue for each: requests
    // are spread over them by whoever asks, and a flush is one of all of them.
    virtual bool takes_several_paths() const { return false; }

    // The same as above, for such a driver. All paths have one nonce; before_appearing() of each is
    // called. An adopted disk has its paths in the order in which it was made with them; the last
    // of them have no queue where the kernel has made fewer.
    virtual iscsi::result<std::unique_ptr<disk>> attach_shared(const std::vector<disk_path>& paths);
    virtual iscsi::result<std::unique_ptr<disk>>
    adopt_shared(const std::vector<disk_path>& paths, const std::string& node);
};

// Who may connect to the sockets of `export`.
struct socket_access {
    mode_t mode = 0600;
    gid_t group = 0; // of the sockets
};

// Where disks are made, as far as the choice depends on it.
struct environment {
    std::string runtime_folder; // of the daemon
    bool has_io_uring = true;   // the lanes run on it
    socket_access export_access{};
    helper* waiter = nullptr; // outlives the drivers; without it no kernel driver can be used
    os::descriptor_store* kept = nullptr; // outlives them, too; none: nobody keeps descriptors
    ring_wish fuse_ring = ring_wish::automatic;
    std::function<void(const std::string& words)> tell{}; // of what has ended a disk; any thread
    std::function<void(const std::string& words)> warn{}; // of one that goes on; any thread
    std::shared_ptr<unsettled_units> unsettled{};         // none: each driver has its own
};

// "auto" chooses the best driver of this kernel, and may load modules for it; `reason` says in one
// sentence which and why. Faults: no_driver, unknown_driver.
iscsi::result<std::unique_ptr<driver>>
choose_driver(std::string_view wanted, const environment& where, std::string& reason);

} // namespace iscsid::disk
