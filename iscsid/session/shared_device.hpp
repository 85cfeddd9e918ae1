#pragma once

#include "iscsid/disk/driver.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace iscsid::session {

// A unit as one session sees it.
struct unit_path {
    lane::lane* where = nullptr;
    lane::session_key sid = 0;
    iscsi::lun_field lun{};
};

// A disk as its session has it, and the paths of the other sessions of the disk.
struct shared_disk {
    std::unique_ptr<disk::disk> device;
    std::vector<unit_path> others{};
};

// One device that several sessions have as their disk. It ends with the first of them: whoever
// removes it, or lets go of it, ends it for all.
class shared_device : public std::enable_shared_from_this<shared_device> {
  public:
    // `properties`: what it was made of.
    shared_device(std::unique_ptr<disk::disk> device, scsi::logical_unit properties);

    // The disk of one session.
    std::unique_ptr<disk::disk> share();

    bool has_ended() const { return *has_ended_; }

  private:
    class part;

    // What all its sessions know of the unit by now: no queue must get what it would refuse.
    scsi::logical_unit known_to_all() const;
    iscsi::result<void> shows(const scsi::logical_unit& now, iscsi::result<void> done);

    template <class Call>
    iscsi::result<void> if_there(Call call);

    std::mutex guard_; // of the device: calls of one session wait for those of another
    std::unique_ptr<disk::disk> device_; // nullptr: it has ended
    std::mutex views_guard_;             // of the next two, for moments
    std::vector<part*> parts_;
    scsi::logical_unit shown_; // by the device
    const std::string node_;
    const bool outlives_daemon_;
    const disk::ownership is_ours_;
    std::atomic<bool> is_removed_ = false; // by one of them, right now or before
    std::shared_ptr<std::atomic<bool>> has_ended_ = std::make_shared<std::atomic<bool>>(false);
};

} // namespace iscsid::session
