#include "libiscsi/core/session/outbox.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace iscsi {
namespace {

using buffer = std::vector<std::byte>;

buffer filled(std::size_t size, unsigned with) {
    return buffer(size, static_cast<std::byte>(with));
}

data_out data_pdu(std::uint32_t sn) {
    data_out pdu;
    pdu.data_sn = sn;
    return pdu;
}

std::size_t size_of(std::span<const bytes_view> plan) {
    std::size_t size = 0;
    for (const auto part : plan)
        size += part.size();
    return size;
}

// Sends everything in pieces, as a socket would take it.
buffer drain(outbox& out, std::size_t piece) {
    buffer all;
    for (auto plan = out.plan(); !plan.empty(); plan = out.plan()) {
        std::size_t taken = 0;
        for (const auto part : plan) {
            const auto size = std::min(part.size(), piece - taken);
            all.insert(all.end(), part.begin(), part.begin() + static_cast<long>(size));
            taken += size;
        }
        out.sent(taken);
    }
    return all;
}

void push_some(outbox& out, const std::vector<buffer>& data) {
    std::uint32_t sn = 0;
    for (const auto& each : data)
        out.push(data_pdu(sn++), {each, nullptr, false});
    out.push(nop_out{}, std::string("text"));
}

TEST(outbox, sends_the_same_bytes_however_they_are_cut) {
    const std::vector<buffer> data{filled(0, 0), filled(1, 1), filled(7, 2), filled(300, 3)};
    for (const auto digests : {outgoing_digests{}, outgoing_digests{true, true}}) {
        outbox whole;
        whole.adopt(digests);
        push_some(whole, data);
        const auto expected = drain(whole, SIZE_MAX);
        const std::size_t plain = 5 * 48 + 4 + 8 + 300 + 4;
        EXPECT_EQ(expected.size(), digests.header ? plain + 5 * 4 + 4 * 4 : plain);
        for (std::size_t piece = 1; piece < 120; ++piece) {
            outbox cut;
            cut.adopt(digests);
            push_some(cut, data);
            EXPECT_EQ(drain(cut, piece), expected) << piece;
        }
    }
}

TEST(outbox, keeps_new_pdus_for_the_next_plan) {
    outbox out;
    out.push(nop_out{});
    EXPECT_EQ(size_of(out.plan()), 48U);
    out.push(nop_out{});
    EXPECT_EQ(size_of(out.plan()), 48U);
    out.sent(48);
    EXPECT_EQ(size_of(out.plan()), 48U);
}

TEST(outbox, counts_what_it_holds_of_a_task_until_the_last_byte_has_left) {
    outbox out;
    send_ledger ledger;
    const auto data = filled(100, 1);
    out.push(data_pdu(0), {data, &ledger, true});
    EXPECT_EQ(ledger.held, 1U);
    EXPECT_FALSE(out.plan().empty());
    out.sent(147);
    EXPECT_EQ(ledger.held, 1U);
    EXPECT_EQ(ledger.sent, 0U);
    EXPECT_EQ(size_of(out.plan()), 1U);
    out.sent(1);
    EXPECT_EQ(ledger.held, 0U);
    EXPECT_EQ(ledger.sent, 100U);
    EXPECT_TRUE(out.plan().empty());
    EXPECT_FALSE(out.plan_is_out());
}

TEST(outbox, drops_cancelled_data_at_once_when_no_plan_is_out) {
    outbox out;
    send_ledger cancelled;
    send_ledger other;
    const auto data = filled(100, 1);
    out.push(data_pdu(0), {data, &cancelled, true});
    out.push(data_pdu(1), {data, &other, true});
    out.cancel(cancelled);
    EXPECT_EQ(cancelled.held, 0U);
    EXPECT_EQ(cancelled.sent, 0U);
    EXPECT_EQ(size_of(out.plan()), 148U);
    EXPECT_EQ(other.held, 1U);
}

TEST(outbox, drops_nothing_but_what_was_cancelled) {
    outbox out;
    send_ledger cancelled;
    send_ledger other;
    const auto data = filled(100, 1);
    out.push(data_pdu(0), {data, &other, true});
    out.push(data_pdu(1), {data, nullptr, true}); // nobody's
    out.push(data_pdu(2), {data, &cancelled, false});
    out.push(data_pdu(3), {data, &cancelled, true});
    out.push(nop_out{}, std::string("text"));
    out.cancel(cancelled);
    EXPECT_EQ(size_of(out.plan()), 3 * 148U + 52U);
    EXPECT_EQ(cancelled.held, 1U) << "a command leaves all the same";
    EXPECT_EQ(other.held, 1U);
}

TEST(outbox, lets_a_plan_that_is_out_decide_what_can_be_dropped) {
    outbox out;
    send_ledger ledger;
    const auto data = filled(100, 1);
    for (std::uint32_t sn = 0; sn < 3; ++sn)
        out.push(data_pdu(sn), {data, &ledger, true});
    EXPECT_EQ(size_of(out.plan()), 3 * 148U);
    out.cancel(ledger);
    EXPECT_EQ(ledger.held, 3U); // a send may be reading all of it
    out.sent(148 + 10);         // the second has begun to leave
    EXPECT_EQ(ledger.held, 1U);
    EXPECT_EQ(ledger.sent, 100U);
    EXPECT_EQ(size_of(out.plan()), 138U);
    out.sent(138);
    EXPECT_EQ(ledger.held, 0U);
    EXPECT_EQ(ledger.sent, 200U);
    EXPECT_TRUE(out.plan().empty());
}

TEST(outbox, never_drops_a_command_even_with_data) {
    outbox out;
    send_ledger ledger;
    const auto data = filled(64, 1);
    out.push(scsi_command{}, {data, &ledger, false});
    out.cancel(ledger);
    EXPECT_EQ(ledger.held, 1U);
    EXPECT_EQ(size_of(out.plan()), 112U);
}

TEST(outbox, is_empty_when_everything_was_dropped) {
    outbox out;
    send_ledger ledger;
    const auto data = filled(10, 1);
    out.push(data_pdu(0), {data, &ledger, true});
    out.cancel(ledger);
    EXPECT_TRUE(out.plan().empty());
    EXPECT_FALSE(out.plan_is_out());
    EXPECT_TRUE(out.has_room());
}

TEST(outbox, releases_everything_when_the_transport_is_gone) {
    outbox out;
    send_ledger in_plan;
    send_ledger behind_it;
    const auto data = filled(8, 1);
    out.push(data_pdu(0), {data, &in_plan, true});
    EXPECT_FALSE(out.plan().empty());
    out.push(data_pdu(0), {data, &behind_it, true});
    out.abandon();
    EXPECT_EQ(in_plan.held, 0U);
    EXPECT_EQ(in_plan.sent, 8U);
    EXPECT_EQ(behind_it.held, 0U);
    EXPECT_EQ(behind_it.sent, 0U);
    EXPECT_TRUE(out.plan().empty());
}

TEST(outbox, bounds_a_plan_and_the_work_it_takes) {
    outbox out;
    const auto data = filled(9, 1);
    std::size_t pushed = 0;
    for (; out.has_room(); ++pushed)
        out.push(data_pdu(0), {data, nullptr, true});
    EXPECT_EQ(pushed, outbox::frames_for_work);
    EXPECT_LE(out.plan().size(), outbox::longest_plan);
    out.push(nop_out{}); // control PDUs still have room
    std::size_t total = 0;
    for (auto plan = out.plan(); !plan.empty(); plan = out.plan()) {
        total += size_of(plan);
        out.sent(size_of(plan));
    }
    EXPECT_EQ(total, pushed * (48 + 12) + 48);

    const auto large = filled(outbox::bytes_for_work, 1);
    out.push(data_pdu(0), {large, nullptr, true});
    EXPECT_FALSE(out.has_room());
}

} // namespace
} // namespace iscsi
