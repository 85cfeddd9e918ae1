#pragma once

#include "libiscsi/core/parameters.hpp"
#include "libiscsi/core/pdu/framer.hpp"
#include "libiscsi/core/session/data_out_queue.hpp"
#include "libiscsi/core/session/delivery.hpp"
#include "libiscsi/core/session/outbox.hpp"
#include "libiscsi/core/session/status_sequence.hpp"

#include <optional>
#include <string>
#include <utility>

namespace iscsi {

// What one transport carries: its framing and digests, StatSN, the PDUs on their way out and the
// data that its tasks owe (RFC 7143 §4.2.1). CmdSN and the tasks are the session's.
class connection {
  public:
    connection(std::uint16_t id, std::size_t staging_size, bool probes)
        : id_(id), framer_(staging_size), delivery_(probes) {}

    std::uint16_t id() const { return id_; }

    // Forgets the old transport and releases what was to be sent on it; the next one begins in
    // the login phase.
    void restart();
    void enter_full_feature(const operational_parameters& parameters);

    // What came in has broken a rule: nothing is read or sent any more until restart().
    void note_fault() { is_faulty_ = true; }

    bool is_faulty() const { return is_faulty_; }

    // ---- in ----
    framer& input() { return framer_; }

    // Reads the header that the framer has completed; it is current until the next one.
    result<void> decode();

    const target_pdu& current() const { return current_; }

    status_sequence& status() { return status_; }

    // ---- out ----
    outbox& output() { return outbox_; }

    delivery& arrivals() { return delivery_; }

    // Another command or Data-Out may go: there is room for it here and on the way.
    bool has_room(instant now) {
        return outbox_.has_room() && delivery_.has_room(outbox_.pushed(), now);
    }

    bool wants_probe() const { return delivery_.wants_probe(outbox_.pushed()); }

    void probe_sent(std::uint32_t tag, instant now) {
        delivery_.probe_sent(tag, outbox_.pushed(), now);
    }

    // All that was sent for this task has arrived.
    void confirm(const task& what) {
        if (what.ledger.held == 0)
            delivery_.confirm(what.pushed_to);
    }

    template <class Request>
    void send(Request request, const payload& what = {}) {
        request.expected_status_sn = status_.expected();
        outbox_.push(request, what);
    }

    template <class Request>
    void send_text(Request request, std::string text) {
        request.expected_status_sn = status_.expected();
        outbox_.push(request, std::move(text));
    }

    // The target has declared its MaxRecvDataSegmentLength anew.
    void limit_segments(std::uint32_t longest) { longest_segment_ = longest; }

    // The task owes its first burst of data.
    void owe(task& what) { data_out_.add(what); }

    // One Data-Out PDU, if any task owes data.
    bool send_data_out();

    // No more data of this task, except what has begun to leave.
    void silence(task& what);

  private:
    std::uint16_t id_;
    framer framer_;
    outbox outbox_;
    delivery delivery_;
    data_out_queue data_out_;
    status_sequence status_;
    std::uint32_t longest_segment_ = 8192; // that the target takes
    target_pdu current_;
    bool is_faulty_ = false;
};

} // namespace iscsi
