#include "libiscsi/core/session/outbox.hpp"

#include "libiscsi/base/crc32c.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace iscsi {
namespace {

constexpr std::size_t spans_of_a_frame = 3;

} // namespace

outbox::outbox() : frames_(frames_for_work + frames_for_control) {
    plan_.reserve(longest_plan);
    left_.reserve(frames_.size());
}

void outbox::restart() {
    abandon();
    digests_ = {};
}

// ---- filling ----------------------------------------------------------------------------------

void outbox::push(const initiator_pdu& pdu, const payload& what) {
    auto& to = next_frame();
    to.data = what.data;
    to.ledger = what.ledger;
    to.droppable = what.droppable;
    to.task = what.task;
    write(to, pdu);
    if (to.ledger == nullptr)
        return;
    ++to.ledger->held;
    to.ledger->droppable += to.droppable ? 1U : 0U;
}

void outbox::push(const initiator_pdu& pdu, std::string text) {
    auto& to = next_frame();
    to.text = std::move(text);
    to.data = std::as_bytes(std::span(to.text));
    write(to, pdu);
}

outbox::frame& outbox::next_frame() {
    assert(count_ < frames_.size()); // see has_room(): all who push keep within their bounds
    auto& next = at(count_++);
    next.ledger = nullptr;
    next.droppable = false;
    next.task = reserved_tag;
    return next;
}

void outbox::write(frame& to, const initiator_pdu& pdu) {
    basic_header header;
    encode(pdu, static_cast<std::uint32_t>(to.data.size()), header);
    std::copy(header.begin(), header.end(), to.header.begin());
    close_header(to);
    close_data(to);
    unsent_ += to.size();
    pushed_ += to.size();
}

void outbox::close_header(frame& to) const {
    to.header_size = bhs_size;
    if (!digests_.header)
        return;
    store_digest(to.header.data() + bhs_size, crc32c(std::span(to.header).first(bhs_size)));
    to.header_size += digest_size_on_wire;
}

// The digest covers the padding, which is zero; an empty segment has neither (§11.2.3).
void outbox::close_data(frame& to) const {
    const auto padding = padding_of(static_cast<std::uint32_t>(to.data.size()));
    to.trailer.fill(std::byte{0});
    to.trailer_size = static_cast<std::uint8_t>(padding);
    if (!digests_.data || to.data.empty())
        return;
    const auto crc = crc32c(std::span(to.trailer).first(padding), crc32c(to.data));
    store_digest(to.trailer.data() + padding, crc);
    to.trailer_size += digest_size_on_wire;
}

// ---- sending ----------------------------------------------------------------------------------

bool outbox::is_full(std::span<const bytes_view> plan) {
    std::size_t bytes = 0;
    for (const auto& part : plan)
        bytes += part.size();
    return plan.size() + spans_of_a_frame > longest_plan || bytes >= bytes_for_work;
}

std::span<const bytes_view> outbox::plan() {
    if (plan_is_out())
        return plan_;
    plan_.clear();
    while (planned_ < count_ && plan_.size() + spans_of_a_frame <= longest_plan) {
        append(at(planned_), planned_ == 0 ? cut_ : 0);
        ++planned_;
    }
    return plan_;
}

void outbox::append(const frame& what, std::size_t skip) {
    const std::array<bytes_view, spans_of_a_frame> parts{
        std::span(what.header).first(what.header_size),
        what.data,
        std::span(what.trailer).first(what.trailer_size)};
    for (auto part : parts) {
        const auto skipped = std::min(skip, part.size());
        skip -= skipped;
        if (skipped < part.size())
            plan_.push_back(part.subspan(skipped));
    }
}

void outbox::sent(std::size_t n) {
    left_.clear();
    planned_ = 0;
    cut_ += n;
    unsent_ -= std::min(n, unsent_);
    remove_left();
    if (some_cancelled_)
        drop_cancelled();
}

// Frames that have left to their last byte; dropped ones have none.
void outbox::remove_left() {
    while (count_ > 0 && cut_ >= at(0).size()) {
        cut_ -= at(0).size();
        release(at(0), true);
        first_ = (first_ + 1) % frames_.size();
        --count_;
    }
}

void outbox::cancel(send_ledger& ledger) {
    ledger.cancelled = true;
    if (ledger.droppable == 0)
        return;
    some_cancelled_ = true;
    if (!plan_is_out())
        drop_cancelled();
}

// A PDU that has begun to leave must leave whole: the stream has no other way on (§11.2).
void outbox::drop_cancelled() {
    some_cancelled_ = false;
    for (std::size_t place = cut_ > 0 ? 1 : 0; place < count_; ++place) {
        auto& each = at(place);
        if (!each.droppable || each.ledger == nullptr || !each.ledger->cancelled)
            continue;
        unsent_ -= each.size();
        release(each, false);
        each.header_size = each.trailer_size = 0;
        each.data = {};
    }
    remove_left();
}

void outbox::abandon() {
    for (std::size_t place = 0; place < count_; ++place)
        release(at(place), place < planned_);
    left_.clear();
    first_ = count_ = unsent_ = cut_ = planned_ = 0;
    some_cancelled_ = false;
}

void outbox::release(frame& what, bool has_left) {
    const auto task = std::exchange(what.task, reserved_tag);
    if (has_left && task != reserved_tag)
        left_.push_back(task);
    auto* ledger = std::exchange(what.ledger, nullptr);
    if (ledger == nullptr)
        return;
    --ledger->held;
    ledger->droppable -= what.droppable ? 1U : 0U;
    if (has_left)
        ledger->sent += static_cast<std::uint32_t>(what.data.size());
}

} // namespace iscsi
