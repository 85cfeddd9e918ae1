#pragma once

#include <cstddef>
#include <vector>

namespace iscsid::os {

// Bytes of the kernel's pool (getrandom(2)), as CHAP challenges need them. Waits only before the
// pool was ready once after the boot.
std::vector<std::byte> random_bytes(std::size_t count);

} // namespace iscsid::os
