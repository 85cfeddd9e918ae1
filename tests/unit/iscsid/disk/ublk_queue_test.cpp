#include "tests/unit/iscsid/disk/fuse_peer.hpp"
#include "tests/unit/iscsid/disk/ublk_peer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <set>

namespace {

using namespace iscsid;
using lane::operation;
using test::patient_lun;
using test::ublk_peer;

constexpr std::uint16_t depth = 4;
constexpr std::uint32_t payload = 64 * 1024;

// From linux/ublk_cmd.h: UBLK_U_IO_FETCH_REQ, UBLK_U_IO_COMMIT_AND_FETCH_REQ.
constexpr std::uint32_t fetch = 0xc0107520;
constexpr std::uint32_t commit_and_fetch = 0xc0107521;
constexpr std::uint32_t fua = 1U << 13U;
constexpr std::uint32_t no_unmap = 1U << 15U;

enum op : std::uint32_t { read, write, flush, discard, write_same, write_zeroes };

class ublk_queue : public ::testing::Test {
  protected:
    ublk_queue() { use(true); }

    void use(bool encodes) {
        peer = ublk_peer{};
        lun = patient_lun{};
        gone = 0;
        queue = std::make_unique<disk::ublk_queue>(
            5, descriptors.data(), disk::ublk_shape{depth, payload}, encodes
        );
        queue->start(peer, lun);
    }

    // A request of the kernel comes for that tag.
    void
    ask(std::uint32_t tag, std::uint32_t what, std::uint64_t sector = 0, std::uint32_t count = 0) {
        descriptors.at(tag) = {what, count, sector, 0};
        ASSERT_EQ(peer.commands_of(tag), 1U);
        peer.end(tag, 0);
    }

    void stop_device() {
        for (std::uint32_t tag = 0; tag < depth; ++tag)
            if (peer.commands_of(tag) == 1)
                peer.end(tag, -ENODEV);
    }

    void leave() {
        queue->leave([this] { ++gone; });
    }

    ublk_peer peer;
    patient_lun lun;
    std::array<disk::ublk::io_descriptor, depth> descriptors{};
    unsigned gone = 0;
    std::unique_ptr<disk::ublk_queue> queue;
};

TEST_F(ublk_queue, fetches_every_tag_with_memory_of_its_own) {
    ASSERT_EQ(peer.commands.size(), depth);
    std::set<std::uint64_t> addresses;
    for (std::uint32_t tag = 0; tag < depth; ++tag) {
        const auto& each = peer.commands[tag];
        EXPECT_EQ(each.file, 5);
        EXPECT_EQ(each.opcode, fetch);
        EXPECT_EQ(each.command.queue, 0);
        EXPECT_EQ(each.command.tag, tag);
        EXPECT_EQ(each.op, tag);
        EXPECT_EQ(each.command.address % 4096, 0U);
        for (const auto other : addresses)
            EXPECT_GE(
                std::max(other, each.command.address) - std::min(other, each.command.address),
                payload
            );
        addresses.insert(each.command.address);
    }
    EXPECT_TRUE(lun.requests.empty());
}

TEST_F(ublk_queue, speaks_to_kernels_that_know_numbers_only) {
    use(false);
    EXPECT_EQ(peer.commands.at(0).opcode, 0x20U);
    ask(0, flush);
    lun.end(0);
    EXPECT_EQ(peer.commands.back().opcode, 0x21U);
}

TEST_F(ublk_queue, reads) {
    const auto address = peer.commands.at(2).command.address;
    ask(2, read, 100, 16);
    ASSERT_EQ(lun.requests.size(), 1U);
    const auto& asked = lun.requests[0];
    EXPECT_EQ(asked.op, operation::read);
    EXPECT_EQ(asked.offset, 51200U);
    EXPECT_EQ(asked.length, 8192U);
    EXPECT_EQ(asked.buffer.size(), 8192U);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(asked.buffer.data()), address);
    EXPECT_EQ(peer.commands_of(2), 0U);
    lun.end(0);
    ASSERT_EQ(peer.commands_of(2), 1U);
    const auto& committed = peer.commands.back();
    EXPECT_EQ(committed.file, 5);
    EXPECT_EQ(committed.opcode, commit_and_fetch);
    EXPECT_EQ(committed.command.tag, 2);
    EXPECT_EQ(committed.command.result, 8192);
    EXPECT_EQ(committed.command.address, address);
}

TEST_F(ublk_queue, writes) {
    ask(0, write, 8, 128);
    EXPECT_EQ(lun.requests.at(0).op, operation::write);
    EXPECT_EQ(lun.requests[0].offset, 4096U);
    EXPECT_EQ(lun.requests[0].buffer.size(), payload);
    EXPECT_FALSE(lun.requests[0].force_unit_access);
    lun.end(0);
    EXPECT_EQ(peer.result_of(0), static_cast<std::int32_t>(payload));
    ask(0, write | fua, 0, 1);
    EXPECT_TRUE(lun.requests.at(0).force_unit_access);
}

TEST_F(ublk_queue, reaches_sectors_beyond_32_bits) {
    ask(0, read, std::uint64_t{1} << 40U, 1);
    EXPECT_EQ(lun.requests.at(0).offset, std::uint64_t{1} << 49U);
}

TEST_F(ublk_queue, flushes) {
    ask(1, flush, 77, 88); // what is no business of a flush
    EXPECT_EQ(lun.requests.at(0).op, operation::flush);
    EXPECT_EQ(lun.requests[0].offset, 0U);
    EXPECT_EQ(lun.requests[0].length, 0U);
    lun.end(0);
    EXPECT_EQ(peer.result_of(1), 0);
    ask(1, flush);
    lun.end(0, EIO);
    EXPECT_EQ(peer.result_of(1), -EIO);
}

TEST_F(ublk_queue, discards_and_zeroes_more_than_its_memory_holds) {
    constexpr std::uint32_t gibibyte = 1U << 21U; // in sectors
    ask(0, discard, 8, gibibyte);
    ask(1, write_zeroes, 0, gibibyte);
    ask(2, write_zeroes | no_unmap, 0, 8);
    ASSERT_EQ(lun.requests.size(), 3U);
    EXPECT_EQ(lun.requests[0].op, operation::discard);
    EXPECT_EQ(lun.requests[0].offset, 4096U);
    EXPECT_EQ(lun.requests[0].length, 1U << 30U);
    EXPECT_EQ(lun.requests[1].op, operation::write_zeroes);
    EXPECT_TRUE(lun.requests[1].may_unmap);
    EXPECT_FALSE(lun.requests[2].may_unmap);
    for (std::uint32_t tag = 0; tag < 3; ++tag) {
        EXPECT_TRUE(lun.requests[0].buffer.empty());
        lun.end(0);
        EXPECT_GE(peer.result_of(tag), 0); // the kernel looks at no more than that
    }
}

TEST_F(ublk_queue, passes_errors_on) {
    for (const int error : {EIO, ENOSPC, EOPNOTSUPP, ENOLINK, ENODATA}) {
        ask(3, write, 0, 1);
        lun.end(0, error);
        EXPECT_EQ(peer.result_of(3), -error);
    }
}

TEST_F(ublk_queue, refuses_what_it_does_not_know) {
    for (const std::uint32_t what : {op{write_same}, op{15}, op{255}}) {
        ask(0, what, 0, 8);
        EXPECT_EQ(peer.result_of(0), -EOPNOTSUPP) << what;
    }
    EXPECT_TRUE(lun.requests.empty());
}

TEST_F(ublk_queue, refuses_more_than_its_memory_holds) {
    ask(0, read, 0, payload / 512 + 1);
    EXPECT_EQ(peer.result_of(0), -EINVAL);
    ask(0, write, 0, ~0U);
    EXPECT_EQ(peer.result_of(0), -EINVAL);
    EXPECT_TRUE(lun.requests.empty());
}

TEST_F(ublk_queue, serves_all_tags_in_any_order) {
    for (std::uint32_t tag = 0; tag < depth; ++tag)
        ask(tag, read, tag, 1);
    EXPECT_TRUE(peer.commands.empty());
    for (const std::size_t which : {2U, 0U, 1U, 0U})
        lun.end(which);
    for (std::uint32_t tag = 0; tag < depth; ++tag)
        EXPECT_EQ(peer.commands_of(tag), 1U);
}

TEST_F(ublk_queue, takes_completions_from_within_submit) {
    lun.at_once = 0;
    for (int round = 0; round < 1000; ++round)
        ask(1, read, 0, 8);
    EXPECT_EQ(peer.commands.size(), depth);
    EXPECT_EQ(peer.result_of(1), 4096);
}

TEST_F(ublk_queue, leaves_when_the_device_has_been_stopped) {
    leave();
    EXPECT_EQ(gone, 0U) << "the kernel has the tags";
    for (std::uint32_t tag = 0; tag < depth; ++tag) {
        EXPECT_EQ(gone, 0U);
        peer.end(tag, -ENODEV);
    }
    EXPECT_EQ(gone, 1U);
    EXPECT_TRUE(peer.commands.empty());
}

TEST_F(ublk_queue, leaves_at_once_when_nothing_is_left) {
    stop_device();
    leave();
    EXPECT_EQ(gone, 1U);
}

TEST_F(ublk_queue, leaving_waits_for_the_lun) {
    ask(0, write, 0, 8);
    leave();
    stop_device();
    EXPECT_EQ(gone, 0U);
    lun.end(0); // the kernel may still take it
    EXPECT_EQ(gone, 0U);
    peer.end(0, -ENODEV);
    EXPECT_EQ(gone, 1U);
}

TEST_F(ublk_queue, may_be_destroyed_when_it_has_left) {
    queue->leave([this] {
        queue.reset();
        ++gone;
    });
    stop_device();
    EXPECT_EQ(gone, 1U);
}

TEST_F(ublk_queue, goes_on_serving_until_the_device_is_stopped) {
    leave();
    ask(0, read, 0, 8);
    lun.end(0);
    EXPECT_EQ(peer.result_of(0), 4096);
    stop_device();
    EXPECT_EQ(gone, 1U);
}

TEST_F(ublk_queue, says_that_it_is_served_until_the_kernel_gives_a_tag_up) {
    const auto is_served = queue->is_served();
    ask(0, read, 0, 8);
    lun.end(0);
    EXPECT_TRUE(*is_served);
    peer.end(1, -ENODEV);
    EXPECT_FALSE(*is_served);
    queue.reset();
    EXPECT_FALSE(*is_served);
}

TEST_F(ublk_queue, fails_what_is_at_the_lun) {
    ask(0, read, 0, 8);
    ask(1, write, 0, 8);
    queue->fail_all();
    EXPECT_EQ(peer.result_of(0), -EIO);
    EXPECT_EQ(peer.result_of(1), -EIO);
    EXPECT_EQ(peer.commands_of(2), 1U) << "and leaves alone what the kernel has";
    lun.end(0);
    lun.end(0, ENOLINK);
    for (std::uint32_t tag = 0; tag < depth; ++tag)
        EXPECT_EQ(peer.commands_of(tag), 1U) << "a late completion changes nothing";
    EXPECT_EQ(peer.result_of(0), -EIO);
}

TEST_F(ublk_queue, fails_what_comes_after) {
    ask(0, read, 0, 8);
    queue->fail_all();
    ask(0, write, 0, 8); // while the LUN still has the memory
    EXPECT_EQ(peer.result_of(0), -EIO);
    ask(2, flush);
    EXPECT_EQ(peer.result_of(2), -EIO);
    EXPECT_EQ(lun.requests.size(), 1U);
    lun.end(0);
    ask(0, read, 0, 8);
    EXPECT_EQ(peer.result_of(0), -EIO);
}

TEST_F(ublk_queue, leaving_waits_for_the_lun_that_was_given_up) {
    ask(0, read, 0, 8);
    queue->fail_all();
    leave();
    stop_device();
    EXPECT_EQ(gone, 0U) << "the LUN still writes to the memory";
    lun.end(0);
    EXPECT_EQ(gone, 1U);
}

TEST_F(ublk_queue, leaving_waits_for_the_kernel_after_the_lun_that_was_given_up) {
    ask(0, read, 0, 8);
    queue->fail_all();
    lun.end(0);
    leave();
    EXPECT_EQ(gone, 0U);
    stop_device();
    EXPECT_EQ(gone, 1U);
}

TEST_F(ublk_queue, failing_again_changes_nothing_while_the_lun_has_it) {
    ask(0, read, 0, 8);
    queue->fail_all();
    queue->fail_all();
    EXPECT_EQ(peer.commands_of(0), 1U);
    leave();
    stop_device();
    lun.end(0);
    EXPECT_EQ(gone, 1U);
}

TEST_F(ublk_queue, failing_again_changes_nothing_when_the_lun_has_let_go) {
    ask(0, read, 0, 8);
    queue->fail_all();
    lun.end(0);
    queue->fail_all();
    EXPECT_EQ(peer.commands_of(0), 1U);
}

} // namespace
