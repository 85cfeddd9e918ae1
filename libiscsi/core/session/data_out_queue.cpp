#include "libiscsi/core/session/data_out_queue.hpp"

#include "libiscsi/core/session/unit.hpp"

#include <algorithm>

namespace iscsi {

void data_out_queue::add(task& what) {
    if (what.bursts.front().target_transfer_tag == reserved_tag)
        return unsolicited_.push_back(what);
    auto& owner = share_of(what);
    owner.tasks.push_back(what);
    if (!owner.is_linked())
        turns_.push_back(owner);
}

data_out_queue::share& data_out_queue::share_of(const task& what) {
    while (shares_.size() <= what.of->number())
        shares_.emplace_back();
    return shares_[what.of->number()];
}

std::optional<data_slice> data_out_queue::next(std::uint32_t longest_segment) {
    auto* from = choose();
    if (from == nullptr)
        return std::nullopt;
    auto slice = cut(*from, longest_segment);
    if (slice.pdu.final)
        from->bursts.pop();
    const bool stays_in_front = !slice.pdu.final && slice.pdu.target_transfer_tag == reserved_tag;
    if (stays_in_front)
        return slice;
    from->unlink();
    if (!from->bursts.empty())
        add(*from);
    return slice;
}

task* data_out_queue::choose() {
    unsolicited_turn_ = !unsolicited_turn_;
    if (unsolicited_turn_ && !unsolicited_.empty())
        return &unsolicited_.front();
    if (auto* solicited = next_solicited())
        return solicited;
    return unsolicited_.empty() ? nullptr : &unsolicited_.front();
}

// Of the unit whose turn it is. Tasks may have left a share by themselves, when they ended.
task* data_out_queue::next_solicited() {
    while (!turns_.empty()) {
        auto& turn = turns_.front();
        turns_.pop_front();
        if (turn.tasks.empty())
            continue;
        turns_.push_back(turn);
        return &turn.tasks.front();
    }
    return nullptr;
}

data_slice data_out_queue::cut(task& from, std::uint32_t longest_segment) {
    auto& burst = from.bursts.front();
    const auto length = std::min(burst.left, longest_segment);
    data_slice slice;
    slice.pdu.final = length == burst.left;
    slice.pdu.lun = burst.lun;
    slice.pdu.initiator_task_tag = from.id;
    slice.pdu.target_transfer_tag = burst.target_transfer_tag;
    slice.pdu.data_sn = burst.data_sn++;
    slice.pdu.buffer_offset = burst.offset;
    slice.of = &from;
    slice.what = {from.what.data_out.subspan(burst.offset, length), &from.ledger, true, from.id};
    burst.offset += length;
    burst.left -= length;
    return slice;
}

void data_out_queue::clear() {
    unsolicited_.clear();
    for (auto& each : shares_)
        each.tasks.clear();
    turns_.clear();
}

} // namespace iscsi
