#pragma once

#include "iscsiadm/cli/refusal.hpp"

#include <cstdint>
#include <string>

namespace iscsi::cli {

// --lun: a number from 0 to 16383, or the eight bytes of a LUN as links by path write them,
// "0x4100000000000000". Gives the number by which Linux, and the daemon, know it: 0 to 255 are
// themselves, from 256 on they are in flat addressing (SAM-5 §4.7.7.3), which adds 16384.
parsed<std::uint64_t> parse_lun(const std::string& text);

// The reverse, in the shortest form.
std::string written_lun(std::uint64_t number);

} // namespace iscsi::cli
