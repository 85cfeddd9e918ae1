#pragma once

#include "iscsid/disk/helper.hpp"
#include "iscsid/disk/kernel/ublk_abi.hpp"

#include "libiscsi/base/result.hpp"

#include <chrono>
#include <string_view>

namespace iscsid::disk {

// /dev/ublk-control, by way of the helper: START_DEV waits for the partitions that we serve,
// STOP_DEV for the requests that we have. Each call waits at most for its limit, then gives it up;
// never call on control or a lane. Faults: disk_errc::no_driver, ::busy, ::attach_failed.
class ublk_control {
  public:
    static iscsi::result<ublk_control> open(helper& waiter);

    // What the driver can do (UBLK_F_…); 0 before 6.5.
    std::uint64_t features() const { return features_; }

    // Whether the opcodes are encoded as ioctl numbers, here and for the tags of a queue.
    bool encodes() const { return encodes_; }

    // Adds a device; the kernel writes back what it made of the wishes.
    iscsi::result<ublk::device_info> add(ublk::device_info wanted) const;
    iscsi::result<ublk::device_info> info(std::uint32_t device) const;
    iscsi::result<void> set_parameters(std::uint32_t device, const ublk::parameters& what) const;

    // Returns when the disk is there, its partitions included: its queue must be served already.
    iscsi::result<void> start(std::uint32_t device, const helper::limit& time) const;
    iscsi::result<void> stop(std::uint32_t device) const;

    // Stops it unless somebody uses it; also faults: flush_failed (it is stopped all the same).
    iscsi::result<void>
    flush_and_stop(std::uint32_t device, const std::string& node, const helper::limit& time) const;
    iscsi::result<void> remove(std::uint32_t device) const;

    // The server before us is gone; `busy` while the kernel still sees it off.
    iscsi::result<void> begin_recovery(std::uint32_t device) const;
    iscsi::result<void> end_recovery(std::uint32_t device, std::chrono::milliseconds limit) const;
    iscsi::result<void> update_size(std::uint32_t device, std::uint64_t sectors) const;

    helper& waiter() const { return *waiter_; }

  private:
    explicit ublk_control(helper& waiter) : waiter_(&waiter) {}

    void learn();
    std::uint32_t opcode_of(ublk::control what) const;
    int
    call(ublk::control what, const ublk::control_command& with, const helper::limit& time) const;
    iscsi::result<void> perform(
        std::string_view name,
        ublk::control what,
        const ublk::control_command& with,
        const helper::limit& time
    ) const;

    helper* waiter_;
    bool encodes_ = true;
    std::uint64_t features_ = 0;
};

} // namespace iscsid::disk
