#pragma once

#include "libiscsi/core/session/session.hpp"
#include "libiscsi/net/stream.hpp"

#include <boost/asio/awaitable.hpp>

#include <algorithm>
#include <vector>

namespace iscsi::net {

// The end of one SCSI command.
struct scsi_answer {
    task_done done;               // its `sense` is empty: see `sense` below
    std::vector<std::byte> sense; // without its length field
    std::vector<std::byte> data;  // what a READ-type command returned
};

// Runs one SCSI command over a logged-in session that nobody else drives. data_in.size() is the
// room for data; the memory is our own. Faults: session_errc of submit(); ::not_usable when the
// connection or the session ends before the answer. After a fault or a cancellation the session
// must be thrown away: it may still know the memory of the command.
boost::asio::awaitable<result<scsi_answer>> execute(session& what, stream& over, command wanted);

} // namespace iscsi::net
