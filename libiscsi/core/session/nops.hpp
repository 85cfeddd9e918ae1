#pragma once

#include "libiscsi/core/session/connection.hpp"
#include "libiscsi/core/session/context.hpp"

#include <optional>

namespace iscsi {

// The NOP-Outs of a connection (RFC 7143 §11.18): pings of our own, probes, and answers to pings of
// the target. All are immediate, so none uses up a CmdSN (§4.2.2.1), and few may wait at a time: a
// target that asks and asks must not make us queue without end.
class nops {
  public:
    explicit nops(session_context& context) : context_(context) {}

    // Is the target there? Any byte that it sends is an answer.
    void ping(connection& over);

    // A ping whose answer proves that all that was sent before it has arrived. Its tag; nothing
    // when there is no place for it now.
    std::optional<std::uint32_t> probe(connection& over);

    // A ping of the target is answered with its tag and LUN.
    void answer(connection& over, const nop_in& ping);

    // No ping: it only carries ExpStatSN to a target that waits for it (§11.9.1, event 5).
    void acknowledge(connection& over, const lun_field& lun);

  private:
    bool send(connection& over, nop_out pdu);

    session_context& context_;
    send_ledger waiting_; // what the connection gives back when it ends, too
};

} // namespace iscsi
