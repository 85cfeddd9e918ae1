#include "tests/unit/iscsid/disk/fuse_peer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <linux/falloc.h>
#include <sys/stat.h>

namespace {

using namespace iscsid;
using disk::fuse::bytes_of;
using test::fuse_peer;
using test::patient_lun;

constexpr std::uint32_t block = 512;
constexpr std::uint64_t blocks = 4096;
constexpr std::uint64_t size = block * blocks;

scsi::logical_unit thin_lun() {
    scsi::logical_unit lun;
    lun.block_count = blocks;
    lun.block_size = block;
    lun.thin = true;
    lun.reads_zero_after_unmap = true;
    lun.can_write_same_16_unmap = true;
    lun.unmap_granularity = 16;
    return lun;
}

template <class Message>
Message message_of(const fuse_peer::reply& reply) {
    EXPECT_EQ(reply.body.size(), sizeof(Message));
    return disk::fuse::read_as<Message>(reply.body).value_or(Message{});
}

class fuse_file : public test::fuse_dialogue {
  protected:
    fuse_file() { use(thin_lun(), {.slots = 4, .payload = 64 * 1024, .reads_ahead = 2}); }

    bool ask_fallocate(std::uint32_t mode, std::uint64_t offset, std::uint64_t length) {
        fuse_fallocate_in wanted{};
        wanted.mode = mode;
        wanted.offset = offset;
        wanted.length = length;
        return ask(FUSE_FALLOCATE, bytes_of(wanted));
    }

    // The reply to the last request, which must be the only one.
    fuse_peer::reply answer() {
        EXPECT_EQ(peer.waiting_replies(), 1U);
        auto reply = peer.take();
        EXPECT_EQ(reply.header.unique, last_unique);
        EXPECT_EQ(reply.header.len, reply.size);
        return reply;
    }

    int refusal() {
        const auto reply = answer();
        EXPECT_TRUE(reply.body.empty());
        EXPECT_TRUE(lun.requests.empty());
        return -reply.header.error;
    }
};

fuse_init_in offer_of(std::uint32_t major, std::uint32_t minor) {
    fuse_init_in offer{};
    offer.major = major;
    offer.minor = minor;
    offer.max_readahead = 131072;
    offer.flags = ~0U;
    return offer;
}

TEST_F(fuse_file, negotiates_what_direct_io_needs) {
    ASSERT_TRUE(ask(FUSE_INIT, bytes_of(offer_of(7, 45))));
    const auto init = message_of<fuse_init_out>(answer());
    EXPECT_EQ(init.major, 7U);
    EXPECT_EQ(init.minor, std::uint32_t{FUSE_KERNEL_MINOR_VERSION});
    EXPECT_EQ(init.max_write, 64U * 1024);
    EXPECT_EQ(init.max_pages, 256);
    EXPECT_GE(init.max_background, 256);
    EXPECT_LE(init.congestion_threshold, init.max_background);
    EXPECT_EQ(init.flags, FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_ASYNC_DIO | FUSE_MAX_PAGES);
    EXPECT_EQ(init.flags2, 0U);
}

TEST_F(fuse_file, takes_only_flags_that_are_offered) {
    auto offer = offer_of(7, 31);
    offer.flags = FUSE_ASYNC_DIO | FUSE_WRITEBACK_CACHE;
    ASSERT_TRUE(ask(FUSE_INIT, bytes_of(offer)));
    const auto init = message_of<fuse_init_out>(answer());
    EXPECT_EQ(init.minor, 31U);
    EXPECT_EQ(init.flags, std::uint32_t{FUSE_ASYNC_DIO});
}

TEST_F(fuse_file, tells_whether_the_kernel_hands_out_requests_again) {
    auto offer = offer_of(7, 39);
    ASSERT_TRUE(ask(FUSE_INIT, bytes_of(offer)));
    answer();
    EXPECT_FALSE(file->can_resend());
    offer.flags2 = disk::fuse::has_resend_in_flags2;
    ASSERT_TRUE(ask(FUSE_INIT, bytes_of(offer)));
    answer();
    EXPECT_TRUE(file->can_resend());
}

TEST_F(fuse_file, answers_what_comes_again_under_its_number) {
    last_unique |= std::uint64_t{1} << 63U; // FUSE_UNIQUE_RESEND
    ASSERT_TRUE(ask(FUSE_GETATTR));
    EXPECT_EQ(answer().header.error, 0);
}

TEST_F(fuse_file, understands_the_short_init_of_older_kernels) {
    ASSERT_TRUE(ask(FUSE_INIT, bytes_of(offer_of(7, 35)).first(16)));
    EXPECT_EQ(answer().header.error, 0);
}

TEST_F(fuse_file, refuses_another_major_version) {
    ASSERT_TRUE(ask(FUSE_INIT, bytes_of(offer_of(8, 0))));
    EXPECT_EQ(refusal(), EPROTO);
}

TEST_F(fuse_file, refuses_a_cut_init) {
    ASSERT_TRUE(ask(FUSE_INIT, bytes_of(offer_of(7, 35)).first(15)));
    EXPECT_EQ(refusal(), EPROTO);
}

TEST_F(fuse_file, is_a_regular_file_of_the_luns_size) {
    ASSERT_TRUE(ask(FUSE_GETATTR, bytes_of(fuse_getattr_in{})));
    const auto got = message_of<fuse_attr_out>(answer());
    EXPECT_EQ(got.attr.size, size);
    EXPECT_EQ(got.attr.blocks, size / 512);
    EXPECT_EQ(got.attr.mode, std::uint32_t{S_IFREG | 0600});
    EXPECT_EQ(got.attr.ino, std::uint64_t{FUSE_ROOT_ID});
    EXPECT_EQ(got.attr.blksize, block);
}

TEST_F(fuse_file, opens_for_direct_and_parallel_io) {
    ASSERT_TRUE(ask(FUSE_OPEN, bytes_of(fuse_open_in{})));
    const auto got = message_of<fuse_open_out>(answer());
    EXPECT_EQ(got.open_flags, std::uint32_t{FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES});
}

TEST_F(fuse_file, states_the_unmap_granularity_as_block_size_of_the_filesystem) {
    ASSERT_TRUE(ask(FUSE_STATFS));
    EXPECT_EQ(message_of<fuse_statfs_out>(answer()).st.bsize, 16U * block);
}

TEST_F(fuse_file, answers_a_read_from_the_requests_own_buffer) {
    ASSERT_TRUE(ask_read(8192, 4096));
    ASSERT_EQ(lun.requests.size(), 1U);
    const auto request = lun.requests[0];
    EXPECT_EQ(request.op, lane::operation::read);
    EXPECT_EQ(request.offset, 8192U);
    EXPECT_EQ(request.length, 4096U);
    ASSERT_EQ(request.buffer.size(), 4096U);
    EXPECT_EQ(peer.waiting_replies(), 0U);
    std::ranges::fill(request.buffer, std::byte{0x5a});
    lun.end(0);
    const auto reply = answer();
    EXPECT_EQ(reply.header.error, 0);
    EXPECT_EQ(reply.parts, 2U);
    EXPECT_EQ(reply.body, std::vector<std::byte>(4096, std::byte{0x5a}));
}

TEST_F(fuse_file, ends_a_read_at_the_end_of_the_lun) {
    ASSERT_TRUE(ask_read(size - 1024, 4096));
    ASSERT_EQ(lun.requests.size(), 1U);
    EXPECT_EQ(lun.requests[0].length, 1024U);
    lun.end(0);
    EXPECT_EQ(answer().body.size(), 1024U);
}

TEST_F(fuse_file, reads_nothing_behind_the_end) {
    for (const std::uint64_t offset : {size, size + 1, ~std::uint64_t{0}}) {
        ASSERT_TRUE(ask_read(offset, 4096));
        const auto reply = answer();
        EXPECT_EQ(reply.header.error, 0);
        EXPECT_TRUE(reply.body.empty());
        EXPECT_TRUE(lun.requests.empty());
    }
}

TEST_F(fuse_file, refuses_reads_that_are_not_whole_blocks) {
    ASSERT_TRUE(ask_read(100, 512));
    EXPECT_EQ(refusal(), EINVAL);
    ASSERT_TRUE(ask_read(512, 100));
    EXPECT_EQ(refusal(), EINVAL);
    ASSERT_TRUE(ask_read(512, 0));
    EXPECT_EQ(refusal(), EINVAL);
}

TEST_F(fuse_file, refuses_a_read_that_does_not_fit_its_buffer) {
    ASSERT_TRUE(ask_read(0, 64 * 1024 + 512));
    EXPECT_EQ(refusal(), EINVAL);
}

TEST_F(fuse_file, hands_the_data_of_a_write_on_where_it_arrived) {
    std::vector<std::byte> data(2048);
    for (std::size_t i = 0; i < data.size(); ++i)
        data[i] = static_cast<std::byte>(i % 251);
    ASSERT_TRUE(ask_write(1024, data));
    ASSERT_EQ(lun.requests.size(), 1U);
    const auto request = lun.requests[0];
    EXPECT_EQ(request.op, lane::operation::write);
    EXPECT_FALSE(request.force_unit_access);
    EXPECT_EQ(request.offset, 1024U);
    EXPECT_EQ(request.length, data.size());
    EXPECT_TRUE(std::ranges::equal(request.buffer, data));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(request.buffer.data()) % 4096, 0U);
    lun.end(0);
    EXPECT_EQ(message_of<fuse_write_out>(answer()).size, data.size());
}

TEST_F(fuse_file, takes_the_largest_write) {
    ASSERT_TRUE(ask_write(0, std::vector<std::byte>(64 * 1024)));
    ASSERT_EQ(lun.requests.size(), 1U);
    EXPECT_EQ(lun.requests[0].buffer.size(), 64U * 1024);
}

TEST_F(fuse_file, refuses_writes_outside_the_lun) {
    const std::vector<std::byte> data(1024);
    for (const std::uint64_t offset : {size - 512, size, ~std::uint64_t{0} - 511}) {
        ASSERT_TRUE(ask_write(offset, data));
        EXPECT_EQ(refusal(), ENOSPC) << offset;
    }
}

TEST_F(fuse_file, refuses_writes_that_are_not_whole_blocks) {
    ASSERT_TRUE(ask_write(512, std::vector<std::byte>(100)));
    EXPECT_EQ(refusal(), EINVAL);
    ASSERT_TRUE(ask_write(100, std::vector<std::byte>(512)));
    EXPECT_EQ(refusal(), EINVAL);
}

TEST_F(fuse_file, refuses_a_write_whose_size_is_not_that_of_its_data) {
    fuse_write_in wanted{};
    wanted.size = 1024;
    ASSERT_TRUE(ask(FUSE_WRITE, bytes_of(wanted), std::vector<std::byte>(512)));
    EXPECT_EQ(refusal(), EINVAL);
}

TEST_F(fuse_file, never_writes_to_a_read_only_lun) {
    auto unit = thin_lun();
    unit.read_only = true;
    use(unit, {.slots = 4, .payload = 65536, .reads_ahead = 2});
    ASSERT_TRUE(ask_write(0, std::vector<std::byte>(512)));
    EXPECT_EQ(refusal(), EROFS);
    ASSERT_TRUE(ask_fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 8192));
    EXPECT_EQ(refusal(), EROFS);
    ASSERT_TRUE(ask(FUSE_GETATTR, bytes_of(fuse_getattr_in{})));
    EXPECT_EQ(message_of<fuse_attr_out>(answer()).attr.mode, std::uint32_t{S_IFREG | 0400});
}

TEST_F(fuse_file, makes_a_flush_of_fsync) {
    ASSERT_TRUE(ask(FUSE_FSYNC, bytes_of(fuse_fsync_in{})));
    ASSERT_EQ(lun.requests.size(), 1U);
    EXPECT_EQ(lun.requests[0].op, lane::operation::flush);
    lun.end(0, EIO);
    EXPECT_EQ(refusal(), EIO);
}

TEST_F(fuse_file, makes_exact_zeroes_of_a_punched_hole) {
    ASSERT_TRUE(ask_fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8192, 16384));
    ASSERT_EQ(lun.requests.size(), 1U);
    EXPECT_EQ(lun.requests[0].op, lane::operation::write_zeroes);
    EXPECT_TRUE(lun.requests[0].may_unmap);
    EXPECT_EQ(lun.requests[0].offset, 8192U);
    EXPECT_EQ(lun.requests[0].length, 16384U);
    lun.end(0);
    EXPECT_EQ(refusal(), 0);
}

TEST_F(fuse_file, does_not_unmap_in_a_zeroed_range) {
    ASSERT_TRUE(ask_fallocate(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, size));
    ASSERT_EQ(lun.requests.size(), 1U);
    EXPECT_EQ(lun.requests[0].op, lane::operation::write_zeroes);
    EXPECT_FALSE(lun.requests[0].may_unmap);
    EXPECT_EQ(lun.requests[0].length, size);
}

TEST_F(fuse_file, punches_no_holes_that_might_not_read_as_zeroes) {
    auto unit = thin_lun();
    unit.can_unmap = true;
    unit.max_write_same_blocks = 128;
    for (bool scsi::logical_unit::*needed :
         {&scsi::logical_unit::thin,
          &scsi::logical_unit::reads_zero_after_unmap,
          &scsi::logical_unit::can_write_same_16_unmap}) {
        auto without = unit;
        without.*needed = false;
        use(without, {.slots = 4, .payload = 65536, .reads_ahead = 2});
        ASSERT_TRUE(ask_fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 8192));
        EXPECT_EQ(refusal(), EOPNOTSUPP);
    }
}

TEST_F(fuse_file, refuses_other_fallocates_and_ranges) {
    ASSERT_TRUE(ask_fallocate(0, 0, 8192)); // preallocation
    EXPECT_EQ(refusal(), EOPNOTSUPP);
    ASSERT_TRUE(ask_fallocate(FALLOC_FL_COLLAPSE_RANGE, 0, 8192));
    EXPECT_EQ(refusal(), EOPNOTSUPP);
    ASSERT_TRUE(ask_fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, size - 512, 1024));
    EXPECT_EQ(refusal(), ENOSPC);
    ASSERT_TRUE(ask_fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 512));
    EXPECT_EQ(refusal(), EINVAL);
}

TEST_F(fuse_file, refuses_requests_that_are_too_short_for_their_operation) {
    const std::vector<std::byte> stub(8);
    for (const std::uint32_t opcode : {FUSE_READ, FUSE_WRITE, FUSE_FALLOCATE}) {
        ASSERT_TRUE(ask(opcode, stub));
        EXPECT_EQ(refusal(), EINVAL) << opcode;
    }
}

TEST_F(fuse_file, ignores_a_message_without_a_whole_header) {
    ASSERT_TRUE(peer.send(std::vector<std::byte>(sizeof(fuse_in_header) - 1)));
    EXPECT_EQ(peer.waiting_replies(), 0U);
    EXPECT_EQ(peer.waiting_reads(), 1U);
}

TEST_F(fuse_file, refuses_a_message_whose_length_is_not_the_stated_one) {
    fuse_in_header header{};
    header.opcode = FUSE_GETATTR;
    header.unique = ++last_unique;
    header.nodeid = FUSE_ROOT_ID;
    header.len = sizeof header + 16;
    ASSERT_TRUE(peer.send(bytes_of(header)));
    EXPECT_EQ(refusal(), EIO);
}

TEST_F(fuse_file, knows_no_other_inode) {
    fuse_in_header header{};
    header.opcode = FUSE_GETATTR;
    header.unique = ++last_unique;
    header.nodeid = 2;
    header.len = sizeof header;
    ASSERT_TRUE(peer.send(bytes_of(header)));
    EXPECT_EQ(refusal(), ESTALE);
}

TEST_F(fuse_file, answers_the_small_operations) {
    for (const std::uint32_t opcode : {FUSE_ACCESS, FUSE_FLUSH, FUSE_RELEASE, FUSE_DESTROY}) {
        ASSERT_TRUE(ask(opcode));
        EXPECT_EQ(refusal(), 0) << opcode;
    }
    for (const std::uint32_t opcode :
         {FUSE_LOOKUP, FUSE_OPENDIR, FUSE_READDIR, FUSE_RELEASEDIR, FUSE_READDIRPLUS}) {
        ASSERT_TRUE(ask(opcode));
        EXPECT_EQ(refusal(), ENOTDIR) << opcode;
    }
    ASSERT_TRUE(ask(FUSE_SETATTR));
    EXPECT_EQ(refusal(), EPERM);
}

TEST_F(fuse_file, refuses_operations_that_it_does_not_know) {
    for (const std::uint32_t opcode : {0U, 3000U, ~0U, std::uint32_t{FUSE_GETXATTR}}) {
        ASSERT_TRUE(ask(opcode));
        EXPECT_EQ(refusal(), ENOSYS) << opcode;
    }
}

TEST_F(fuse_file, does_not_reply_where_the_kernel_waits_for_nothing) {
    for (const std::uint32_t opcode : {FUSE_FORGET, FUSE_BATCH_FORGET, FUSE_INTERRUPT}) {
        ASSERT_TRUE(ask(opcode, std::vector<std::byte>(16)));
        EXPECT_EQ(peer.waiting_replies(), 0U) << opcode;
        EXPECT_EQ(peer.waiting_reads(), 1U) << opcode;
    }
}

TEST_F(fuse_file, an_interrupt_leaves_its_request_alone) {
    ASSERT_TRUE(ask_read(0, 512));
    fuse_interrupt_in interrupt{};
    interrupt.unique = last_unique;
    ASSERT_TRUE(ask(FUSE_INTERRUPT, bytes_of(interrupt)));
    ASSERT_EQ(lun.requests.size(), 1U);
    lun.end(0);
    EXPECT_EQ(peer.take().header.unique, last_unique - 1);
}

TEST_F(fuse_file, waits_with_one_read_while_quiet_and_with_more_when_busy) {
    EXPECT_EQ(peer.waiting_reads(), 1U);
    ASSERT_TRUE(ask_read(0, 512));
    EXPECT_EQ(peer.waiting_reads(), 1U);
    ASSERT_TRUE(ask_read(512, 512));
    EXPECT_EQ(peer.waiting_reads(), 2U);
    ASSERT_TRUE(ask_read(1024, 512)); // one slot is left
    EXPECT_EQ(peer.waiting_reads(), 1U);
}

// Its slot is not waited for; now and then it is seen whether others are, in the kernel.
TEST_F(fuse_file, wakes_nobody_with_most_replies_to_requests_that_are_alone) {
    lun.at_once = 0;
    int wakes = 0;
    for (int i = 0; i < 320; ++i) {
        ASSERT_TRUE(ask_read(0, block));
        wakes += answer().end == iscsid::lane::ending::wakes ? 1 : 0;
    }
    EXPECT_EQ(wakes, 10);
}

TEST_F(fuse_file, wakes_with_replies_to_requests_that_are_not_alone) {
    ASSERT_TRUE(ask_read(0, block));
    ASSERT_TRUE(ask_read(block, block));
    for (int i = 0; i < 20; ++i) {
        lun.end(0);
        EXPECT_EQ(peer.take().end, iscsid::lane::ending::wakes);
        ASSERT_TRUE(ask_read(0, block));
    }
}

TEST_F(fuse_file, takes_no_request_without_a_free_buffer_and_goes_on_later) {
    for (std::uint64_t i = 0; i < 4; ++i)
        ASSERT_TRUE(ask_read(i * 512, 512));
    EXPECT_EQ(peer.waiting_reads(), 0U);
    lun.end(2);
    EXPECT_EQ(peer.waiting_reads(), 0U); // its reply is still on its way
    peer.take();
    EXPECT_EQ(peer.waiting_reads(), 1U);
    EXPECT_TRUE(ask_read(0, 512));
}

TEST_F(fuse_file, keeps_requests_apart_that_end_in_another_order) {
    for (std::uint64_t i = 0; i < 4; ++i) {
        ASSERT_TRUE(ask_read(i * 512, 512));
        std::ranges::fill(lun.requests[i].buffer, static_cast<std::byte>(i));
    }
    const std::uint64_t first = last_unique - 3;
    lun.end(3);
    lun.end(0);
    lun.end(1, ENOLINK); // the third request
    lun.end(0);
    EXPECT_EQ(peer.take().body, std::vector<std::byte>(512, std::byte{3}));
    EXPECT_EQ(peer.take().body, std::vector<std::byte>(512, std::byte{0}));
    const auto failed = peer.take();
    EXPECT_EQ(failed.header.unique, first + 2);
    EXPECT_EQ(failed.header.error, -ENOLINK);
    EXPECT_TRUE(failed.body.empty());
    EXPECT_EQ(peer.take().header.unique, first + 1);
}

TEST_F(fuse_file, works_when_the_lun_answers_at_once) {
    lun.at_once = 0;
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(ask_write(512, std::vector<std::byte>(512)));
        EXPECT_EQ(message_of<fuse_write_out>(answer()).size, 512U);
    }
    lun.at_once = ENOSPC;
    ASSERT_TRUE(ask_write(512, std::vector<std::byte>(512)));
    EXPECT_EQ(refusal(), ENOSPC);
}

TEST_F(fuse_file, turns_errors_that_fuse_cannot_express_into_eio) {
    for (const int error : {512, 4095, -1}) {
        lun.at_once = error;
        ASSERT_TRUE(ask_read(0, 512));
        EXPECT_EQ(refusal(), EIO) << error;
    }
}

TEST_F(fuse_file, reads_on_when_a_request_was_taken_back) {
    for (const int error : {ENOENT, EINTR, EAGAIN}) {
        ASSERT_TRUE(peer.end_read(error));
        EXPECT_EQ(peer.waiting_reads(), 1U) << error;
    }
}

TEST_F(fuse_file, reads_no_more_when_the_connection_has_ended) {
    ASSERT_TRUE(peer.end_read(ENODEV));
    EXPECT_EQ(peer.waiting_reads(), 0U);
    bool gone = false;
    file->leave([&gone] { gone = true; });
    EXPECT_TRUE(gone);
}

TEST_F(fuse_file, replies_with_an_error_when_the_kernel_refuses_an_answer) {
    ASSERT_TRUE(ask_read(0, 512));
    lun.end(0);
    peer.take(ENOMEM);
    ASSERT_EQ(peer.waiting_replies(), 1U);
    const auto second = peer.take(EINVAL);
    EXPECT_EQ(second.header.error, -EIO);
    EXPECT_EQ(second.header.unique, last_unique);
    EXPECT_EQ(peer.waiting_replies(), 0U); // not for ever
}

TEST_F(fuse_file, does_not_mind_a_reply_that_nobody_waits_for) {
    ASSERT_TRUE(ask_read(0, 512));
    lun.end(0);
    peer.take(ENOENT);
    EXPECT_EQ(peer.waiting_replies(), 0U);
    EXPECT_TRUE(ask_read(0, 512));
}

TEST_F(fuse_file, leaves_when_nothing_is_under_way_any_more) {
    ASSERT_TRUE(ask_read(0, 512));
    ASSERT_TRUE(ask_read(512, 512));
    bool gone = false;
    file->leave([&gone] { gone = true; });
    EXPECT_EQ(peer.waiting_reads(), 0U);
    peer.finish_cancelled();
    EXPECT_FALSE(gone);
    lun.end(0);
    peer.take();
    EXPECT_FALSE(gone);
    lun.end(0, EIO);
    EXPECT_FALSE(gone);
    EXPECT_EQ(peer.take().header.error, -EIO);
    EXPECT_TRUE(gone);
    EXPECT_EQ(peer.waiting_reads(), 0U);
}

TEST_F(fuse_file, may_be_destroyed_as_soon_as_it_has_left) {
    file->leave([this] { file.reset(); });
    peer.finish_cancelled();
    EXPECT_EQ(file, nullptr);
}

TEST_F(fuse_file, refuses_a_request_that_came_while_it_was_leaving) {
    bool gone = false;
    file->leave([&gone] { gone = true; });
    fuse_in_header header{};
    header.opcode = FUSE_GETATTR;
    header.unique = ++last_unique;
    header.nodeid = FUSE_ROOT_ID;
    header.len = sizeof header;
    peer.send_to_cancelled(bytes_of(header));
    EXPECT_EQ(refusal(), ENODEV);
    EXPECT_TRUE(gone);
}

TEST_F(fuse_file, has_room_for_what_the_kernel_demands_of_a_reader) {
    use(thin_lun(), {.slots = 2, .payload = 4096, .reads_ahead = 2});
    EXPECT_GE(peer.room(), std::size_t{FUSE_MIN_READ_BUFFER});
    use(thin_lun(), {.slots = 2, .payload = 262144, .reads_ahead = 2});
    EXPECT_GE(peer.room(), sizeof(fuse_in_header) + sizeof(fuse_write_in) + 262144);
}

} // namespace
