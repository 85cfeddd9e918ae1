#include "libiscsi/core/session/task_table.hpp"

namespace iscsi {
namespace {

constexpr task_id one_generation = 0x1'0000;

constexpr std::size_t slot_of(task_id id) {
    return id % one_generation;
}

} // namespace

task_table::task_table(std::size_t slots, std::size_t outstanding_r2ts)
    : burst_room_(slots * (outstanding_r2ts + 1)), slots_(slots), free_slots_(slots) {
    const auto bursts = outstanding_r2ts + 1; // and the unsolicited one
    for (std::size_t i = 0; i < slots; ++i) {
        slots_[i].id = static_cast<task_id>(i);
        slots_[i].bursts.use(std::span(burst_room_).subspan(i * bursts, bursts));
        free_.push_back(slots_[i]);
    }
}

task* task_table::open(const command& what) {
    if (free_.empty())
        return nullptr;
    auto& opened = free_.front();
    free_.pop_front();
    --free_slots_;
    opened.id += one_generation;
    opened.phase = task_phase::ready;
    opened.what = what;
    opened.order = opened_++;
    opened.reissued = opened.abort_wanted = false;
    opened.offences = 0;
    opened.losses = 0;
    opened.timed_out = false;
    opened.answer = task_done{};
    opened.answer.cookie = what.cookie;
    opened.answer.task = opened.id;
    opened.forget_transfer();
    return &opened;
}

void task_table::close(task& over) {
    over.phase = task_phase::free;
    over.unlink();
    free_.push_back(over);
    ++free_slots_;
}

task* task_table::find(task_id id) {
    const auto slot = slot_of(id);
    if (slot >= slots_.size() || slots_[slot].id != id || slots_[slot].phase == task_phase::free)
        return nullptr;
    return &slots_[slot];
}

bool task_table::was_closed(task_id id) const {
    const auto slot = slot_of(id);
    if (slot >= slots_.size())
        return false;
    const auto& present = slots_[slot];
    const auto last_closed =
        present.phase == task_phase::free ? present.id : present.id - one_generation;
    return id == last_closed && id >= one_generation;
}

} // namespace iscsi
