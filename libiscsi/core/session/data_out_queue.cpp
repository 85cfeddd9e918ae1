#include "libiscsi/core/session/data_out_queue.hpp"

#include <algorithm>

namespace iscsi {

void data_out_queue::add(task& what) {
    const bool unsolicited = what.bursts.front().target_transfer_tag == reserved_tag;
    (unsolicited ? unsolicited_ : solicited_).push_back(what);
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
    auto& first = unsolicited_turn_ ? unsolicited_ : solicited_;
    auto& second = unsolicited_turn_ ? solicited_ : unsolicited_;
    if (!first.empty())
        return &first.front();
    return second.empty() ? nullptr : &second.front();
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
    slice.what = {from.what.data_out.subspan(burst.offset, length), &from.ledger, true, from.id};
    burst.offset += length;
    burst.left -= length;
    return slice;
}

void data_out_queue::clear() {
    unsolicited_.clear();
    solicited_.clear();
}

} // namespace iscsi
