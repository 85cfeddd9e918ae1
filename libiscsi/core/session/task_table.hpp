#pragma once

#include "libiscsi/core/session/task.hpp"

#include <span>
#include <vector>

namespace iscsi {

// More R2Ts at once than this are not negotiated: each needs room in every slot.
inline constexpr std::uint16_t most_outstanding_r2ts = 64;

// The slots of a session. A tag is found without a search, and a stale or forged one is noticed:
// its generation does not fit. Slots are below 8192, so 0xffffffff cannot occur.
class task_table {
  public:
    task_table(std::size_t slots, std::size_t outstanding_r2ts);

    task* open(const command& what); // nullptr: every slot is in use
    void close(task& over);

    task* find(task_id id);            // nullptr: not in use
    bool was_closed(task_id id) const; // the tag of a task that is gone, not of none

    std::span<task> slots() { return slots_; }

    std::span<const task> slots() const { return slots_; }

    std::size_t free_slots() const { return free_slots_; }

  private:
    std::vector<data_burst> burst_room_;
    std::vector<task> slots_;
    task_list free_;
    std::size_t free_slots_;
    std::uint64_t opened_ = 0;
};

} // namespace iscsi
