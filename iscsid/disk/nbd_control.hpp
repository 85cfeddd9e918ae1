#pragma once

#include "iscsid/disk/helper.hpp"
#include "iscsid/disk/kernel/nbd_netlink.hpp"

#include "libiscsi/scsi/logical_unit.hpp"

#include <string>

namespace iscsid::disk {

// The kernel's NBD client and its devices, by way of the helper: some of these calls wait until a
// device is idle, and the kernel holds locks meanwhile that the end of a connection must not wait
// for. Each call waits, with a limit. Faults: those of nbd_netlink; no_answer, helper_failed.
class nbd_control {
  public:
    explicit nbd_control(helper& waiter) : waiter_(&waiter) {}

    // Whether the kernel has the client. Faults: no_driver.
    iscsi::result<void> find() const;

    iscsi::result<void> connect(const nbd_settings& what) const;

    // Another connection for a device whose own is dead. When it returns the helper has closed the
    // socket, too: one that the kernel did not take is closed.
    iscsi::result<void>
    reconfigure(std::uint32_t index, const std::string& backend, int socket) const;
    iscsi::result<void>
    resize(std::uint32_t index, const std::string& backend, std::uint64_t size) const;
    iscsi::result<void> disconnect(std::uint32_t index) const;

    // Disconnects it unless somebody uses it. Also faults: busy (nothing has changed), flush_failed
    // (it is gone all the same).
    iscsi::result<void> flush_and_disconnect(std::uint32_t index, const std::string& node) const;

    // Timer, transfer limit and read-ahead of a new device; where the kernel refuses, its own hold.
    void tune(const std::string& node, const scsi::logical_unit& lun) const;

    // Lets the kernel look for partitions. Faults: attach_failed when the LUN does not answer in
    // time; the device is disconnected then.
    iscsi::result<void> scan_partitions(std::uint32_t index, const std::string& node) const;

    helper& waiter() const { return *waiter_; }

  private:
    std::function<void()> cut(std::uint32_t index) const;

    helper* waiter_;
};

} // namespace iscsid::disk
