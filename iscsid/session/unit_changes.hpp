#pragma once

#include "libiscsi/scsi/logical_unit.hpp"

#include <string>

namespace iscsid::session {

// What is other in the behaviour of a LUN since the last look, for the log: "write cache on, at
// most 256 blocks at a time". Empty when nothing is. Identity, size and write protection are not
// told: they have their own consequences.
std::string describe_behaviour(const scsi::logical_unit& was, const scsi::logical_unit& now);

} // namespace iscsid::session
