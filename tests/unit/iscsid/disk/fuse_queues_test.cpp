#include "tests/unit/iscsid/disk/fuse_peer.hpp"

#include <gtest/gtest.h>

namespace {

using namespace iscsid;
using disk::fuse::bytes_of;

constexpr std::uint64_t size = 8U << 20U;
constexpr std::uint32_t entries = 4; // in two queues

// A file whose requests come by io_uring: INIT has agreed, and each queue has its entries.
class fuse_queues : public test::fuse_dialogue {
  protected:
    void SetUp() override {
        scsi::logical_unit unit;
        unit.block_count = size / unit.block_size;
        peer = test::fuse_peer{};
        peer.is_wide = true;
        lun = test::patient_lun{};
        const auto take_refusal = [this](int error) { refused_replies.push_back(error); };
        file = std::make_unique<disk::fuse_file>(3, unit, shape(), take_refusal);
        file->tell_of_used_memory(told);
        file->start(peer, lun);
        ASSERT_TRUE(ask(FUSE_INIT, bytes_of(offer())));
        const auto init = peer.take();
        agreed = disk::fuse::read_as<fuse_init_out>(init.body).value_or(fuse_init_out{});
        EXPECT_EQ(init.end, lane::ending::wakes) << "all requests wait for the entries";
    }

    static disk::fuse_shape shape() {
        return {.slots = 4, .payload = 65536, .reads_ahead = 2, .queues = 2, .depth = 2};
    }

    static fuse_init_in offer() {
        fuse_init_in offer{};
        offer.major = FUSE_KERNEL_VERSION;
        offer.minor = 45;
        offer.flags = ~0U;
        offer.flags2 = disk::fuse::over_io_uring_in_flags2;
        return offer;
    }

    test::fuse_peer::waiting_command take_command(std::uint32_t op) {
        const auto found =
            std::ranges::find_if(peer.commands, [op](const auto& each) { return each.op == op; });
        if (found == peer.commands.end())
            throw std::logic_error("the kernel does not have that entry");
        const auto which = *found;
        peer.commands.erase(found);
        return which;
    }

    static disk::fuse::ring_field field_of(const test::fuse_peer::waiting_command& which) {
        return disk::fuse::read_as<disk::fuse::ring_field>(which.what.field)
            .value_or(disk::fuse::ring_field{});
    }

    // The kernel puts a request into an entry.
    void
    put(std::uint32_t op,
        std::uint32_t opcode,
        iscsi::bytes_view body = {},
        iscsi::bytes_view data = {},
        std::uint64_t node = FUSE_ROOT_ID) {
        const auto which = take_command(op);
        if (!which.what.buffers.empty()) {
            headers[op] = static_cast<disk::fuse::ring_headers*>(which.what.buffers[0].iov_base);
            payloads[op] = static_cast<std::byte*>(which.what.buffers[1].iov_base);
        }
        fuse_in_header header{};
        header.opcode = opcode;
        header.unique = ++last_unique;
        header.nodeid = node;
        disk::fuse::ring_headers& to = *headers[op];
        std::ranges::copy(bytes_of(header), to.in_out.begin());
        std::ranges::copy(body, to.operation.begin());
        std::ranges::copy(data, payloads[op]);
        to.entry = {};
        to.entry.commit_id = last_unique;
        to.entry.payload_size = static_cast<std::uint32_t>(data.size());
        which.who->ring_done(op, 0);
    }

    void put_read(std::uint32_t op, std::uint64_t offset, std::uint32_t length) {
        fuse_read_in wanted{};
        wanted.offset = offset;
        wanted.size = length;
        put(op, FUSE_READ, bytes_of(wanted));
    }

    void put_write(std::uint32_t op, std::uint64_t offset, const std::vector<std::byte>& data) {
        fuse_write_in wanted{};
        wanted.offset = offset;
        wanted.size = static_cast<std::uint32_t>(data.size());
        put(op, FUSE_WRITE, bytes_of(wanted), data);
    }

    struct committed {
        fuse_out_header header{};
        disk::fuse::ring_field field;
        std::vector<std::byte> body;
    };

    // What an entry was committed with; the kernel has it.
    committed reply(std::uint32_t op) {
        const auto which = take_command(op);
        peer.commands.push_back(which);
        EXPECT_EQ(which.what.opcode, 2U);
        const disk::fuse::ring_headers& from = *headers[op];
        committed got;
        got.header = disk::fuse::read_as<fuse_out_header>(from.in_out).value_or(got.header);
        got.field = field_of(which);
        got.body.assign(payloads[op], payloads[op] + from.entry.payload_size);
        return got;
    }

    int error(std::uint32_t op) { return -reply(op).header.error; }

    void end(std::uint32_t op, int error) { take_command(op).who->ring_done(op, -error); }

    void end_all(int error) {
        while (!peer.commands.empty())
            end(peer.commands.front().op, error);
    }

    bool told = false; // of used memory
    std::vector<int> refused_replies;
    fuse_init_out agreed{};
    std::array<disk::fuse::ring_headers*, entries> headers{};
    std::array<std::byte*, entries> payloads{};
};

TEST_F(fuse_queues, are_agreed_on_and_then_entered) {
    EXPECT_NE(agreed.flags & FUSE_INIT_EXT, 0U);
    EXPECT_EQ(agreed.flags2, disk::fuse::over_io_uring_in_flags2);
    ASSERT_EQ(peer.commands.size(), entries);
    for (std::uint32_t op = 0; op < entries; ++op) {
        const auto& each = peer.commands[op];
        EXPECT_EQ(each.op, op);
        EXPECT_EQ(each.what.opcode, 1U);
        EXPECT_EQ(field_of(each).queue, op / 2);
        EXPECT_EQ(field_of(each).commit_id, 0U);
        ASSERT_EQ(each.what.buffers.size(), 2U);
        EXPECT_EQ(each.what.buffers[0].iov_len, sizeof(disk::fuse::ring_headers));
        EXPECT_GE(each.what.buffers[1].iov_len, 256U * 4096) << "max_pages, not max_write";
    }
    EXPECT_EQ(peer.waiting_reads(), 1U) << "for what comes by no other way";
}

TEST_F(fuse_queues, need_an_offer_and_a_ring_that_takes_wide_commands) {
    for (const bool is_offered : {false, true}) {
        peer = test::fuse_peer{};
        peer.is_wide = !is_offered;
        file = std::make_unique<disk::fuse_file>(3, scsi::logical_unit{}, shape());
        file->start(peer, lun);
        auto other = offer();
        other.flags2 = is_offered ? disk::fuse::over_io_uring_in_flags2 : 0;
        ASSERT_TRUE(ask(FUSE_INIT, bytes_of(other)));
        const auto init = disk::fuse::read_as<fuse_init_out>(peer.take().body);
        ASSERT_TRUE(init);
        EXPECT_EQ(init->flags2, 0U);
        EXPECT_TRUE(peer.commands.empty());
        ASSERT_TRUE(ask(FUSE_GETATTR));
        EXPECT_EQ(peer.take().header.error, 0);
    }
}

TEST_F(fuse_queues, a_read_ends_in_the_payload_of_its_entry) {
    put_read(2, 8192, 4096);
    ASSERT_EQ(lun.requests.size(), 1U);
    EXPECT_EQ(lun.requests[0].op, lane::operation::read);
    EXPECT_EQ(lun.requests[0].offset, 8192U);
    ASSERT_EQ(lun.requests[0].buffer.size(), 4096U);
    EXPECT_EQ(lun.requests[0].buffer.data(), payloads[2]);
    EXPECT_EQ(peer.commands.size(), entries - 1) << "the LUN has it";
    std::ranges::fill(lun.requests[0].buffer, std::byte{0x5a});
    lun.end(0);
    const auto got = reply(2);
    EXPECT_EQ(got.header.error, 0);
    EXPECT_EQ(got.header.unique, last_unique);
    EXPECT_EQ(got.field.commit_id, last_unique);
    EXPECT_EQ(got.field.queue, 1U);
    EXPECT_EQ(got.body, std::vector<std::byte>(4096, std::byte{0x5a}));
    EXPECT_TRUE(file->queues()->are_used());
}

TEST_F(fuse_queues, a_read_across_the_end_is_short) {
    put_read(0, size - 512, 4096);
    lun.end(0);
    EXPECT_EQ(reply(0).body.size(), 512U);
    put_read(0, size, 4096);
    EXPECT_TRUE(lun.requests.empty());
    EXPECT_TRUE(reply(0).body.empty());
}

TEST_F(fuse_queues, a_write_is_handed_on_where_it_arrived) {
    const std::vector<std::byte> data(65536, std::byte{7});
    put_write(1, 4096, data);
    ASSERT_EQ(lun.requests.size(), 1U);
    EXPECT_EQ(lun.requests[0].op, lane::operation::write);
    EXPECT_EQ(lun.requests[0].buffer.data(), payloads[1]);
    EXPECT_TRUE(std::ranges::equal(lun.requests[0].buffer, data));
    lun.end(0);
    const auto written = disk::fuse::read_as<fuse_write_out>(reply(1).body);
    ASSERT_TRUE(written);
    EXPECT_EQ(written->size, data.size());
}

TEST_F(fuse_queues, a_write_with_less_data_than_it_says_is_refused) {
    fuse_write_in wanted{};
    wanted.size = 1024;
    put(0, FUSE_WRITE, bytes_of(wanted), std::vector<std::byte>(512));
    EXPECT_EQ(error(0), EINVAL);
    EXPECT_TRUE(lun.requests.empty());
}

TEST_F(fuse_queues, errors_of_the_lun_are_told) {
    lun.at_once = ENOSPC;
    put_write(0, 0, std::vector<std::byte>(512));
    EXPECT_EQ(error(0), ENOSPC);
    lun.at_once = 4095; // which FUSE cannot express
    put(0, FUSE_FSYNC, bytes_of(fuse_fsync_in{}));
    EXPECT_EQ(error(0), EIO);
    EXPECT_TRUE(reply(0).body.empty());
}

TEST_F(fuse_queues, answer_what_depends_on_the_lun_alone) {
    put(3, FUSE_GETATTR, bytes_of(fuse_getattr_in{}));
    const auto got = disk::fuse::read_as<fuse_attr_out>(reply(3).body);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->attr.size, size);
    put(3, FUSE_RELEASE);
    EXPECT_EQ(error(3), 0);
    put(3, FUSE_GETXATTR);
    EXPECT_EQ(error(3), ENOSYS);
    put(3, FUSE_GETATTR, {}, {}, 2);
    EXPECT_EQ(error(3), ESTALE);
    file->resize(1);
    put(3, FUSE_GETATTR, bytes_of(fuse_getattr_in{}));
    EXPECT_EQ(disk::fuse::read_as<fuse_attr_out>(reply(3).body)->attr.size, 512U);
}

TEST_F(fuse_queues, every_entry_may_be_under_way_and_end_in_any_order) {
    for (std::uint32_t op = 0; op < entries; ++op)
        put_read(op, op * std::uint64_t{4096}, 4096);
    EXPECT_TRUE(peer.commands.empty());
    for (std::uint32_t left = entries; left-- > 0;) {
        std::ranges::fill(lun.requests.at(left).buffer, static_cast<std::byte>(left + 1));
        lun.end(left);
        EXPECT_EQ(reply(left).body, std::vector<std::byte>(4096, static_cast<std::byte>(left + 1)));
    }
}

TEST_F(fuse_queues, commit_again_when_that_failed_for_the_moment) {
    put_read(0, 0, 512);
    lun.end(0);
    for (const int error : {ENOMEM, EINTR, EIO}) {
        const auto before = reply(0);
        end(0, error);
        const auto again = reply(0);
        EXPECT_EQ(again.field.commit_id, before.field.commit_id) << error;
        EXPECT_EQ(again.header.unique, last_unique) << error;
    }
    put_read(0, 0, 512); // taken at last
    EXPECT_EQ(lun.requests.size(), 1U);
}

// Nobody would answer the request any more: the connection must end.
TEST_F(fuse_queues, tell_once_of_a_reply_that_the_kernel_refuses) {
    for (const std::uint32_t op : {0U, 1U}) {
        put_read(op, 0, 512);
        lun.end(0);
        end(op, EACCES);
    }
    EXPECT_EQ(refused_replies, std::vector{EACCES});
    EXPECT_EQ(file->queues()->refusal(), 0) << "of an entry, at the start";
    end_all(ENOTCONN);
    EXPECT_TRUE(file->queues()->are_empty());
}

TEST_F(fuse_queues, do_not_commit_without_end) {
    put_read(0, 0, 512);
    lun.end(0);
    int tries = 0;
    for (; refused_replies.empty() && tries < 1'000'000; ++tries)
        end(0, EIO);
    EXPECT_EQ(refused_replies, std::vector{EIO});
    EXPECT_GT(tries, 100) << "a moment may last";
    put_read(1, 0, 512);
    EXPECT_EQ(lun.requests.size(), 1U) << "the others go on until the connection ends";
}

// Then the kernel goes on at /dev/fuse.
TEST_F(fuse_queues, requests_are_read_when_an_entry_is_refused) {
    end(0, EINVAL);
    EXPECT_EQ(file->queues()->refusal(), EINVAL);
    EXPECT_FALSE(file->queues()->are_used());
    ASSERT_TRUE(ask_read(0, 512));
    ASSERT_EQ(lun.requests.size(), 1U);
    lun.end(0);
    EXPECT_EQ(peer.take().body.size(), 512U);
    put_read(3, 0, 512); // both ways work at once
    lun.end(0);
    EXPECT_EQ(reply(3).body.size(), 512U);
}

TEST_F(fuse_queues, the_file_leaves_when_the_connection_has_given_all_entries_back) {
    put_read(1, 0, 512);
    bool gone = false;
    file->leave([&gone] { gone = true; });
    peer.finish_cancelled();
    put(0, FUSE_GETATTR, bytes_of(fuse_getattr_in{}));
    EXPECT_EQ(error(0), ENODEV);
    end_all(ENOTCONN);
    EXPECT_FALSE(gone) << "one is at the LUN";
    lun.end(0);
    EXPECT_FALSE(gone) << "its memory is the kernel's until the commit has ended";
    end(1, ENOTCONN);
    EXPECT_TRUE(gone);
    EXPECT_EQ(file->queues()->refusal(), 0);
}

TEST_F(fuse_queues, may_be_destroyed_as_soon_as_they_have_left) {
    file->leave([this] { file.reset(); });
    peer.finish_cancelled();
    end_all(ENOTCONN);
    EXPECT_EQ(file, nullptr);
}

TEST_F(fuse_queues, a_connection_that_ends_before_it_is_left_is_forgotten) {
    end_all(ECONNABORTED);
    ASSERT_TRUE(peer.end_read(ENODEV));
    bool gone = false;
    file->leave([&gone] { gone = true; });
    EXPECT_TRUE(gone);
}

bool give_back_until_ripe(disk::fuse_file& file) {
    bool some_is_left = false;
    for (unsigned i = 0; i <= disk::payload_age::ripe; ++i) {
        std::size_t most = std::size_t{1} << 30U;
        some_is_left = file.give_back_memory(most);
    }
    return some_is_left;
}

TEST_F(fuse_queues, idle_memory_goes_when_the_ring_is_settled) {
    put_write(0, 0, std::vector<std::byte>(512));
    lun.end(0);
    EXPECT_FALSE(told) << "a small one leaves nothing";
    const std::vector<std::byte> data(65536, std::byte{1});
    put_write(0, 0, data);
    put_write(1, 0, data);
    EXPECT_TRUE(told);
    lun.end(0);
    peer.is_settled = false;
    EXPECT_TRUE(give_back_until_ripe(*file));
    EXPECT_EQ(payloads[0][65535], std::byte{1});
    peer.is_settled = true;
    EXPECT_TRUE(give_back_until_ripe(*file)) << "one is at the LUN";
    EXPECT_EQ(payloads[0][65535], std::byte{0});
    EXPECT_EQ(payloads[1][65535], std::byte{1});
    lun.end(0);
    EXPECT_FALSE(give_back_until_ripe(*file));
    EXPECT_EQ(payloads[1][65535], std::byte{0});
}

} // namespace
