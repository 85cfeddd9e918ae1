#pragma once

#include "iscsid/disk/driver.hpp"

#include <chrono>

namespace iscsid::disk {

// Whether the LUN answers a READ of its first block at all, in whatever way. To be asked before the
// kernel scans a new ublk disk for partitions: START_DEV reads with the device's lock held (up to
// 6.18), and when the daemon dies under a READ that the target leaves unanswered, no later daemon
// can take that device over or remove it. Waits for the lane: never on control or a lane. Faults:
// attach_failed, no answer from the LUN within the limit.
iscsi::result<void>
probe_read(lane::lane& where, const disk_request& what, std::chrono::milliseconds limit);

} // namespace iscsid::disk
