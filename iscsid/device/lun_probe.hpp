#pragma once

#include "iscsid/device/command_runner.hpp"

namespace iscsid::device {

// What came of looking at one LUN: its properties, or the reason why it is no usable disk.
struct probed_lun {
    scsi::logical_unit properties;
    std::string why_not; // "" when usable
};

// INQUIRY → TEST UNIT READY → VPD pages → READ CAPACITY → MODE SENSE. Fault: the session is lost.
// The runner must outlive the coroutine.
boost::asio::awaitable<iscsi::result<probed_lun>>
probe_lun(const command_runner& runner, iscsi::lun_field lun);

} // namespace iscsid::device
