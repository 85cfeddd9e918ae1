#include "tests/scenario/troubled_unit.hpp"

#include <algorithm>
#include <chrono>
#include <string>

namespace iscsi::test {
namespace {

using namespace std::chrono_literals;

opcode code_of(const raw_pdu& pdu) {
    return static_cast<opcode>(std::to_integer<unsigned>(pdu.header[0]) & 0x3fU);
}

std::uint16_t lun_of(const raw_pdu& pdu) {
    lun_field lun{};
    std::copy_n(pdu.header.begin() + 8, lun.size(), lun.begin());
    return number_of(lun);
}

bool is_abort(const raw_pdu& pdu) {
    constexpr unsigned abort_task = 1; // §11.5.1
    return (std::to_integer<unsigned>(pdu.header[1]) & 0x7fU) == abort_task;
}

disk_options shape(unsigned identity) {
    disk_options disk{.size = 1U << 20U};
    disk.serial = "memory-" + std::to_string(identity);
    return disk;
}

} // namespace

target_link::treatment troubled_unit::treatment(const raw_pdu& pdu, instant when) const {
    target_link::treatment how;
    if (lun_of(pdu) != lun_)
        return how;
    if (code_of(pdu) == opcode::task_management_request)
        how.ignore = now_ == trouble::dead || (now_ == trouble::refuses && is_abort(pdu));
    if (code_of(pdu) != opcode::scsi_command)
        return how;
    how.wait = now_ == trouble::slow;
    how.hold = now_ == trouble::hangs || now_ == trouble::dead || now_ == trouble::refuses ||
               (now_ == trouble::resets && when < forgets_until_);
    return how;
}

std::optional<scsi_answer> troubled_unit::answer(std::uint16_t lun) const {
    if (lun == lun_ && now_ == trouble::unit_attention)
        return sense::reset.answer();
    return std::nullopt;
}

void troubled_unit::pass(instant now, target_link* link) {
    if (now >= until_)
        begin_next(now);
    if (now >= next_event_)
        happen(now);
    if (link == nullptr || now < next_answer_)
        return;
    next_answer_ = now + 1s;
    lun_field lun{};
    lun[1] = static_cast<std::byte>(lun_);
    link->answer_oldest(lun);
}

void troubled_unit::begin_next(instant now) {
    come_back();
    now_ = static_cast<trouble>(number(0, troubles - 1));
    until_ = now + std::chrono::seconds(number(0, 1) == 0 ? number(3, 15) : number(15, 90));
    next_event_ = now;
}

void troubled_unit::happen(instant now) {
    next_event_ = now + std::chrono::milliseconds(number(500, 10'000));
    if (now_ == trouble::resets)
        reset(now);
    if (now_ == trouble::changes)
        change_something();
    if (now_ == trouble::gone)
        come_or_go();
}

// By another initiator: the tasks end without a word (TAS=0, SPC-4 §7.5.8).
void troubled_unit::reset(instant now) {
    forgets_until_ = now + 300ms;
    target_.raise_attention(lun_, sense::reset);
}

void troubled_unit::change_something() {
    auto& disk = target_.disk(lun_);
    switch (number(0, 3)) {
    case 0: // another disk under the same number
        disk.change([this](disk_options& of) { of.serial = shape(++identity_).serial; });
        target_.raise_attention(lun_, sense::inquiry_changed);
        target_.raise_attention_elsewhere(lun_, sense::luns_changed);
        break;
    case 1:
        disk.resize(std::size_t{number(1, 4)} << 20U);
        target_.raise_attention(lun_, sense::capacity_changed);
        break;
    case 2:
        target_.raise_attention(lun_, sense::mode_changed);
        break;
    default:
        target_.raise_attention(lun_, sense::luns_changed);
        target_.raise_attention_elsewhere(lun_, sense::luns_changed);
    }
}

// 25/00 while it is mapped out, or deleted, and there again in another shape.
void troubled_unit::come_or_go() {
    auto& refuses = target_.condition(lun_).refuses;
    if (refuses || !target_.disks().contains(lun_))
        return come_back();
    if (number(0, 1) == 0) {
        refuses = sense::no_such_unit;
        return;
    }
    target_.remove_disk(lun_);
    target_.raise_attention_elsewhere(lun_, sense::luns_changed);
}

void troubled_unit::come_back() {
    target_.condition(lun_).refuses.reset();
    if (target_.disks().contains(lun_))
        return;
    target_.add_disk(lun_, shape(++identity_));
    target_.raise_attention(lun_, sense::reset);
    target_.raise_attention_elsewhere(lun_, sense::luns_changed);
}

void troubled_unit::heal() {
    come_back();
    now_ = trouble::none;
    until_ = instant::max();
}

} // namespace iscsi::test
