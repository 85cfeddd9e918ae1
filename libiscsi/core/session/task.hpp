#pragma once

#include "libiscsi/core/session/command.hpp"
#include "libiscsi/core/session/coverage.hpp"
#include "libiscsi/core/session/event.hpp"
#include "libiscsi/core/session/outbox.hpp"

#include <boost/intrusive/list.hpp>

#include <optional>
#include <span>

namespace iscsi {

class connection;
class unit;

// A sequence of Data-Out PDUs that is due: unsolicited data, or the answer to one R2T (§11.7).
struct data_burst {
    std::uint32_t target_transfer_tag = reserved_tag; // reserved: unsolicited
    lun_field lun{};
    std::uint32_t offset = 0; // of the next PDU
    std::uint32_t left = 0;
    std::uint32_t data_sn = 0;
};

// First in, first out, in memory that the task table has set aside.
class burst_queue {
  public:
    void use(std::span<data_burst> room) { room_ = room; }

    bool empty() const { return count_ == 0; }

    std::size_t size() const { return count_; }

    data_burst& front() { return room_[first_]; }

    const data_burst& front() const { return room_[first_]; }

    void push(const data_burst& burst) { room_[(first_ + count_++) % room_.size()] = burst; }

    void pop() {
        first_ = (first_ + 1) % room_.size();
        --count_;
    }

    void clear() { first_ = count_ = 0; }

  private:
    std::span<data_burst> room_;
    std::size_t first_ = 0;
    std::size_t count_ = 0;
};

// In this order; only a lost connection leads back, from `sent` to `ready`.
enum class task_phase : std::uint8_t {
    // The slot has no task.
    free,

    // Waits in the list of its unit for its first (or next) way out.
    ready,

    // The target has it, or will have it when what is queued has left. CmdSN and allegiance hold.
    sent,

    // Over, but a send may still read its data: the memory is not its owner's yet.
    answered,

    // task_done is in the event queue. The slot is kept until that is polled, for its sense data.
    done,
};

using task_hook =
    boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
using sent_hook =
    boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

// One command from submit to task_done. A slot of the task table; never moves.
struct task : task_hook {
    task_id id = 0; // Initiator Task Tag: slot in the low 16 bits, generation in the high ones
    task_phase phase = task_phase::free;
    command what;
    std::uint64_t order = 0;   // of submission
    bool reissued = false;     // goes out again after a transport was lost
    bool abort_wanted = false; // never goes out again
    bool silenced = false;     // no more Data-Out: it is answered, or will be aborted
    std::uint8_t offences = 0; // connections in a row that its PDUs have ended
    unsigned losses = 0;       // connections that ended while the target had it
    instant first_lost;
    connection* allegiance = nullptr; // the connection it went out on (§4.2.2)
    std::uint32_t command_sn = 0;

    unit* of = nullptr;              // its logical unit
    sent_hook in_sent;               // of the unit, while the target has it
    std::optional<instant> progress; // last seen; none: the command PDU has not left
    instant left_at{};               // the command PDU
    bool has_place = false;          // in the command window
    std::uint32_t to_move = 0;       // bytes of its data that have not moved
    std::uint64_t pushed_to = 0;     // place of its last PDU in the stream
    instant deadline{};              // as of the unit's last check
    bool timed_out = false;          // why it is to be aborted
    bool may_be_cleared = false;     // the target says so of what it had before another command

    std::uint32_t next_data_sn = 0; // DataSN of Data-In, R2TSN of R2T
    coverage moved;                 // data received, or data sent unasked and asked for
    burst_queue bursts;
    send_ledger ledger;

    task_done answer;
    std::array<std::byte, 252> sense_room{}; // the longest sense there is (SPC-5 §4.4)

    bool is_read() const { return !what.data_in.empty(); }

    bool is_write() const { return !what.data_out.empty(); }

    std::uint32_t expected_length() const {
        return static_cast<std::uint32_t>(is_write() ? what.data_out.size() : what.data_in.size());
    }

    // Everything a new attempt begins with.
    void forget_transfer() {
        allegiance = nullptr;
        progress.reset();
        may_be_cleared = false;
        silenced = false;
        next_data_sn = 0;
        moved.clear();
        bursts.clear();
        ledger = {};
    }
};

using task_list = boost::intrusive::list<task, boost::intrusive::constant_time_size<false>>;

} // namespace iscsi
