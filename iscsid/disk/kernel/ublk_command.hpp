#pragma once

#include "iscsid/disk/kernel/ublk_abi.hpp"

#include "libiscsi/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace iscsid::disk {

inline constexpr const char* ublk_control_path = "/dev/ublk-control";

// One command to /dev/ublk-control, on a ring that ends with it. START_DEV waits for the scan for
// partitions and STOP_DEV for requests under way, so for the server of the device: never in that
// server's process, whose /dev/ublkcN a call that hangs would keep open.
struct ublk_command {
    std::uint32_t opcode = 0; // encoded or not, as the kernel wants it
    ublk::control_command what;
    std::string payload; // what `what` refers to; the kernel may write to it
    std::chrono::milliseconds limit{};
};

// The result of the kernel: ≥ 0, or -errno; -ETIME when the limit is over. Faults: no_driver, when
// there is no control device.
iscsi::result<int> run(ublk_command& command);

} // namespace iscsid::disk
