#pragma once

#include "libiscsi/core/session/task.hpp"

#include <boost/intrusive/list.hpp>

#include <deque>
#include <optional>

namespace iscsi {

// One Data-Out PDU to be.
struct data_slice {
    data_out pdu;
    payload what;
    task* of = nullptr;
};

// The tasks that owe data on one connection. Data-Out PDUs are made one at a time, as room for
// them turns up: a large write costs no more than its turn. Answers to R2Ts take turns by unit, and
// within a unit by task; unsolicited data goes in the order of its commands (RFC 7143 §4.2.5.2) and
// takes turns with them as one.
class data_out_queue {
  public:
    // The task's first burst has just become due.
    void add(task& what);

    std::optional<data_slice> next(std::uint32_t longest_segment);

    void clear();

  private:
    // What one unit owes. It is in `turns_` while it may owe something.
    struct share : task_hook {
        task_list tasks;
    };

    task* choose();
    task* next_solicited();
    share& share_of(const task& what);
    static data_slice cut(task& from, std::uint32_t longest_segment);

    task_list unsolicited_;
    std::deque<share> shares_; // by number of the unit
    boost::intrusive::list<share, boost::intrusive::constant_time_size<false>> turns_;
    bool unsolicited_turn_ = false;
};

} // namespace iscsi
