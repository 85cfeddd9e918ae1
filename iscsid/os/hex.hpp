#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace iscsid::os {

// Two lowercase digits for each byte: "02a1".
std::string hex_of(std::span<const std::byte> bytes);

} // namespace iscsid::os
