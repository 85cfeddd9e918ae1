#pragma once

#include <sys/socket.h>

struct io_uring_sqe;

// Sends of an io_uring that have a completion only when they fail (IOSQE_CQE_SKIP_SUCCESS).
namespace iscsid::lane {

// Flags of a send that is over when the kernel has taken it: it moves what there is room for, and
// when that is not all, it has failed, with the count of what it has moved.
inline constexpr int whole_or_at_once = MSG_DONTWAIT | MSG_WAITALL;

// A send of a message with or without these flags. One piece of memory goes without the msghdr,
// which the kernel would copy first: a small command is one.
void prepare_send(io_uring_sqe& entry, int socket, const msghdr& what, int flags);

// Whether this kernel does so, on a ring with these flags. Tried with a small ring and a pair of
// sockets, in both forms of prepare_send(): the parts came between 5.17 and 6.0, and some were
// brought to older kernels.
bool can_be_quiet(unsigned flags);

} // namespace iscsid::lane
