#pragma once

#include "libiscsi/base/bytes.hpp"

#include <cstdint>
#include <string>

namespace iscsi {

// Two lowercase digits for each byte: "02a1".
std::string hex_of(bytes_view bytes);

// The lowest digits of a number, lowercase, with leading zeros: hex_of(0x2a1, 4) is "02a1".
// digits: 1–16.
std::string hex_of(std::uint64_t number, unsigned digits);

} // namespace iscsi
