#pragma once

#include "iscsid/lane/ring.hpp"

namespace iscsid::lane {

// A ring of ordinary non-blocking system calls. nullptr when there are no file descriptors left.
std::unique_ptr<ring> make_ring_epoll();

} // namespace iscsid::lane
