#pragma once

#include "iscsid/compat/sysfs_order.hpp"
#include "iscsid/session/live_session.hpp"
#include "iscsid/session/outcome.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>

namespace iscsid::compat {

// How a write ended.
struct order_end {
    int error = 0;   // errno; 0: well
    std::string why; // for the log; "": nothing to say
};

// Does what a write to this file asks its session for. EINVAL: nothing that the file understands;
// ENODEV: the session or the disk is not there, or on its way out; EBUSY: the disk is in use; EIO:
// all else. A scan that finds no disk under a number is well, as it is with the kernel: callers
// scan until it is there.
boost::asio::awaitable<order_end>
obey(acting_file file, std::string written, std::shared_ptr<session::live_session> session);

// What a verb of a session says, as errno.
int errno_of(const session::failure& why);

} // namespace iscsid::compat
