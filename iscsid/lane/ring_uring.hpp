#pragma once

#include "iscsid/lane/ring.hpp"

namespace iscsid::lane {

// An io_uring with the best flags that the kernel takes. nullptr when it takes none; `why_not` then
// says what it answered. The thread that calls turn() first is the one that must use the ring.
std::unique_ptr<ring> make_ring_uring(std::string* why_not);

} // namespace iscsid::lane
