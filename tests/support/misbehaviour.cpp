#include "tests/support/misbehaviour.hpp"

#include <gtest/gtest.h>

namespace iscsi::test {
namespace {

// Where fields stand in a header (§11.2).
constexpr std::size_t segment_length_at = 5;
constexpr std::size_t task_tag_at = 16;
constexpr std::size_t status_sn_at = 24;
constexpr std::size_t data_sn_at = 36; // R2TSN too
constexpr std::size_t buffer_offset_at = 40;

constexpr std::uint32_t task_of_nobody = 0x0000'7ffe; // above every slot, and no control tag

void add_to(raw_pdu& pdu, std::size_t field, std::uint32_t what) {
    auto* const at = pdu.header.data() + field;
    store_be32(at, load_be32(at) + what);
}

opcode opcode_of(const raw_pdu& pdu) {
    return static_cast<opcode>(std::to_integer<std::uint8_t>(pdu.header[0]) & 0x3fU);
}

// Without an answer to it nothing would ever move on: an initiator has no way to notice.
bool may_get_lost(const raw_pdu& pdu) {
    return opcode_of(pdu) != opcode::r2t;
}

} // namespace

bool misbehaviour::one_in(std::uint32_t odds) {
    return number(1, odds) == 1;
}

std::uint32_t misbehaviour::number(std::uint32_t low, std::uint32_t high) {
    return std::uniform_int_distribution<std::uint32_t>(low, high)(random_);
}

void misbehaviour::spoil(std::vector<std::byte>& said, const target_link& by) {
    if (odds_ == 0 || said.empty())
        return;
    const digests which{by.parameters().header_digest, by.parameters().data_digest};
    pdu_cutter cutter;
    cutter.use(which);
    cutter.feed(said);
    said.clear();
    for (auto next = cutter.next(); next.has_value() && *next; next = cutter.next()) {
        if (one_in(odds_))
            add_spoilt(said, **next, which);
        else
            append_pdu(said, (*next)->header, (*next)->data, which);
    }
    ASSERT_EQ(cutter.buffered(), 0U);
}

void misbehaviour::add_spoilt(std::vector<std::byte>& to, const raw_pdu& pdu, digests which) {
    ++offences_;
    auto wrong = pdu;
    switch (number(0, 7)) {
    case 0:
        add_to(wrong, status_sn_at, number(1, 1000));
        break;
    case 1:
        store_be32(wrong.header.data() + task_tag_at, task_of_nobody);
        break;
    case 2:
        add_to(wrong, opcode_of(pdu) == opcode::data_in ? data_sn_at : status_sn_at, 1);
        break;
    case 3:
        add_to(
            wrong, opcode_of(pdu) == opcode::data_in ? buffer_offset_at : status_sn_at, 0x1000'0000
        );
        break;
    case 4: // an opcode that no target may use
        wrong.header[0] = std::byte{static_cast<std::uint8_t>(number(0, 0x1f))};
        break;
    case 5: // twice
        append_pdu(to, pdu.header, pdu.data, which);
        break;
    case 6: // not at all
        if (may_get_lost(pdu))
            return;
        break;
    default:
        return damage(to, pdu, which);
    }
    append_pdu(to, wrong.header, wrong.data, which);
}

// A byte changes on its way: where a digest covers it; else the announced length lies.
void misbehaviour::damage(std::vector<std::byte>& to, const raw_pdu& pdu, digests which) {
    const auto begin = to.size();
    auto wrong = pdu;
    const bool covered = which.header != digest::none && which.data != digest::none;
    append_pdu(to, wrong.header, wrong.data, which);
    if (covered)
        to[begin + number(0, static_cast<std::uint32_t>(to.size() - begin - 1))] ^= std::byte{0x10};
    else if (which.header == digest::none)
        to[begin + segment_length_at] = std::byte{0xff}; // 16 MiB: more than was declared
}

} // namespace iscsi::test
