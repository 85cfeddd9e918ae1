#pragma once

#include "iscsid/device/lun_probe.hpp"

namespace iscsid::device {

// Reads the VPD pages that the unit lists: names, limits, provisioning, rotation. Every page is
// optional: what is not said keeps its careful default. But a unit that is only busy must not look
// like one without identity. Fault: the session is lost.
boost::asio::awaitable<iscsi::result<finding>>
read_vital_product_data(command_runner& runner, scsi::logical_unit& disk);

} // namespace iscsid::device
