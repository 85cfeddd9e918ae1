#pragma once

#include "libiscsi/core/session/session.hpp"
#include "libiscsi/net/stream.hpp"

#include <boost/asio/awaitable.hpp>

namespace iscsi::net {

// Runs a session over a stream until it has something to tell: full duplex, with its deadlines.
// want_close and want_entropy are answered here and never returned. A stream that is lost gets
// closed; the session then still lives by its deadlines.
//
// It works by readiness: the session's memory is touched inside non-blocking calls only, never
// while it waits. So between two events the session and its socket can move elsewhere, and a
// cancelled wait (Asio's way: system_error operation_aborted) loses no byte.
// Call it again for the next event, with the same two; nobody else may touch them meanwhile. Runs
// on the executor of the coroutine. It never fails: a lost stream is an event of the session.
boost::asio::awaitable<event> next_event(session& what, stream& over);

} // namespace iscsi::net
