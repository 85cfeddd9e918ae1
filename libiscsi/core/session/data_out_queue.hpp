#pragma once

#include "libiscsi/core/session/task.hpp"

#include <optional>

namespace iscsi {

// One Data-Out PDU to be.
struct data_slice {
    data_out pdu;
    payload what;
};

// The tasks that owe data on one connection. Data-Out PDUs are made one at a time, as room for
// them turns up: a large write costs no more than its turn. Answers to R2Ts take turns; unsolicited
// data goes in the order of its commands (RFC 7143 §4.2.5.2) and takes turns with them as one.
class data_out_queue {
  public:
    // The task's first burst has just become due.
    void add(task& what);

    std::optional<data_slice> next(std::uint32_t longest_segment);

    void clear();

  private:
    task* choose();
    static data_slice cut(task& from, std::uint32_t longest_segment);

    task_list unsolicited_;
    task_list solicited_;
    bool unsolicited_turn_ = false;
};

} // namespace iscsi
